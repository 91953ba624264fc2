# Read once, by the postgres image, when its volume is new: the account that owns Innwatch's database and is no
# superuser, and the one that measures. Passwords come from files, and appear on no command line.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set innwatch `cat "$INNWATCH_PASSWORD_FILE"`
\set metrics `cat "$METRICS_PASSWORD_FILE"`
CREATE ROLE innwatch LOGIN PASSWORD :'innwatch';
CREATE ROLE metrics LOGIN PASSWORD :'metrics' CONNECTION LIMIT 5 IN ROLE pg_monitor;
CREATE DATABASE innwatch OWNER innwatch ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE ALL ON DATABASE innwatch FROM PUBLIC;
GRANT CONNECT ON DATABASE innwatch TO metrics;
SQL
