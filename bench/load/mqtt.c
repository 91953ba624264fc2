/* MQTT 3.1.1, as much as is needed. */
#include "load.h"

#include <string.h>

size_t packet_read(const uint8_t *data, size_t size, struct packet *packet) {
    size_t length = 0, used = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (used > 4) die("a packet with a length of more than four bytes");
        if (used >= size) return 0;
        length |= (size_t)(data[used] & 127) << shift;
        if (!(data[used++] & 128)) break;
    }
    if (size - used < length) return 0;
    *packet = (struct packet){.type = data[0] >> 4, .flags = data[0] & 15, .body = data + used, .size = length};
    return used + length;
}

size_t publish_payload(const struct packet *packet, const uint8_t **payload, uint16_t *id) {
    int qos = (packet->flags >> 1) & 3;
    size_t header = packet->size < 2 ? 2 : 2 + (size_t)(packet->body[0] << 8 | packet->body[1]);
    size_t skipped = header + (qos ? 2 : 0);
    if (skipped > packet->size) die("a PUBLISH shorter than its topic");
    *id = qos ? (uint16_t)(packet->body[header] << 8 | packet->body[header + 1]) : 0;
    *payload = packet->body + skipped;
    return packet->size - skipped;
}

static uint8_t *put_u16(uint8_t *out, size_t value) {
    *out++ = (uint8_t)(value >> 8);
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_text(uint8_t *out, const char *text) {
    size_t size = strlen(text);
    out = put_u16(out, size);
    memcpy(out, text, size);
    return out + size;
}

static uint8_t *put_header(uint8_t *out, unsigned first, size_t length) {
    if (length > LARGEST_PACKET - 4) die("a packet of %zu bytes is too large", length);
    *out++ = (uint8_t)first;
    for (; length > 127; length >>= 7) *out++ = (uint8_t)(length | 128);
    *out++ = (uint8_t)length;
    return out;
}

/* An empty user name means that there is no login, as for an anonymous broker. */
size_t write_connect(uint8_t *out, const struct login *login) {
    bool named = *login->username != 0;
    size_t length = 10 + 2 + strlen(login->client_id);
    if (named) length += 4 + strlen(login->username) + strlen(login->password);
    uint8_t *end = put_header(out, CONNECT << 4, length);
    end = put_text(end, "MQTT");
    *end++ = 4;
    *end++ = named ? 0xC2 : 0x02;               /* user name and password, clean session */
    end = put_u16(end, login->keep_alive);
    end = put_text(end, login->client_id);
    if (named) end = put_text(put_text(end, login->username), login->password);
    return (size_t)(end - out);
}

size_t write_publish(uint8_t *out, const char *topic, uint16_t id, const char *payload, size_t size) {
    uint8_t *end = put_header(out, PUBLISH << 4 | 1 << 1, 2 + strlen(topic) + 2 + size);
    end = put_u16(put_text(end, topic), id);
    memcpy(end, payload, size);
    return (size_t)(end - out) + size;
}

size_t write_subscribe(uint8_t *out, const char *filter) {
    uint8_t *end = put_header(out, SUBSCRIBE << 4 | 2, 2 + 2 + strlen(filter) + 1);
    end = put_text(put_u16(end, 1), filter);
    *end++ = 1;
    return (size_t)(end - out);
}

size_t write_puback(uint8_t *out, uint16_t id) {
    return (size_t)(put_u16(put_header(out, PUBACK << 4, 2), id) - out);
}
