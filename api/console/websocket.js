// One MQTT connection over a websocket, from CONNECT to its end. Trying again is live.js's business, not mqtt.js's:
// left alone, that would retry a bad password for ever.

const IN_TIME = 5_000; // ms to be connected and subscribed
const KEEP_ALIVE = 30; // s
const BAD_LOGIN = 4; // CONNACK return codes of MQTT 3.1.1
const NOT_AUTHORIZED = 5;

/** The topics of one hotel that the console reads; what the desk is told of rooms is not for who may only look. */
export function filters(hotel, role) {
  const root = `hotels/${hotel}`;
  const desk = role === "viewer" ? [] : [`${root}/clearance/+`];
  return [`${root}/alerts/+`, `${root}/devices/+/status`, `${root}/monitor`, `${root}/events`, ...desk];
}

/** Where the broker listens: on the host that the page came from. */
export function brokerUrl({ port, path, secure }, host) {
  return `${secure ? "wss" : "ws"}://${host}:${port}${path}`;
}

/**
 * Connect, subscribe and listen until the connection ends, and say why: "refused" (the token), "late", "closed".
 * `up()` once every filter is granted, `heard()` for every packet, `message(topic, payload)` for each publication:
 * null is an empty payload, and one that is no JSON is left out.
 */
export async function listen({ facts, token, clock, signal, up, heard, message }) {
  let mqtt;
  try {
    // Loaded only now, so that a third of a megabyte does not delay the login.
    ({ default: mqtt } = await import("./vendor/mqtt.js"));
  } catch {
    return "closed";
  }
  return new Promise((resolve) => {
    if (signal.aborted) return resolve("closed");
    const client = mqtt.connect(brokerUrl(facts.mqtt, location.hostname), {
      protocolVersion: 4,
      clean: true,
      keepalive: KEEP_ALIVE,
      connectTimeout: IN_TIME,
      reconnectPeriod: 0,
      username: facts.mqtt.username,
      password: token,
      clientId: facts.mqtt.clientIdPrefix + random(),
      timerVariant: clock.timers,
    });
    const end = (why) => {
      clearTimeout(late);
      signal.removeEventListener("abort", stopped);
      client.removeListener("message", onMessage);
      client.end(true);
      resolve(why);
    };
    const stopped = () => end("closed");
    const onMessage = (topic, payload) => {
      const said = decoded(payload);
      if (said !== undefined) message(topic, said);
    };
    const late = setTimeout(end, IN_TIME, "late");
    signal.addEventListener("abort", stopped);
    client.on("connect", () => {
      client.subscribe(filters(facts.hotel.id, facts.role), { qos: 1 }, (error, granted) => {
        if (error || granted.some(({ qos }) => qos > 2)) return end("refused");
        clearTimeout(late);
        up();
      });
    });
    client.on("packetreceive", heard);
    client.on("message", onMessage);
    client.on("error", ({ code }) => end(code === BAD_LOGIN || code === NOT_AUTHORIZED ? "refused" : "closed"));
    client.on("close", stopped);
  });
}

function random() {
  return crypto.getRandomValues(new Uint32Array(2)).reduce((text, word) => text + word.toString(36), "");
}

// An empty alert topic means that the alert is over. Rubbish must not look like that.
function decoded(payload) {
  if (payload.length === 0) return null;
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
