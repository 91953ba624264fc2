// Calls for attention when a grave alert comes: a line for screen readers, a number in the title and on the icon of
// the tab, and a sound for those who want one.

import { rank } from "./store.js";
import { headline, outage, roomName, SEVERITY } from "./words.js";

const GRAVE = rank("high");
const SOUND = "innwatch.sound"; // in localStorage: a habit of this desk, not of a session
const TOGETHER = 250; // ms in which several alerts are announced as one

export class Attention {
  sound = localStorage.getItem(SOUND) === "on";
  #audio = null;
  #waiting = [];
  #say;
  #room;

  /** `say(text)` announces; `room(id)` gives what is known of a room. */
  constructor({ say, room }) {
    this.#say = say;
    this.#room = room;
    // Browsers keep a page silent until somebody has touched it.
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => this.sound && this.#wake());
  }

  /** An open alert is new or graver than it was. */
  alarm(alert) {
    if (rank(alert.severity) < GRAVE || alert.acknowledged) return;
    if (this.#waiting.push(alert) === 1) setTimeout(() => this.#announce(), TOGETHER);
  }

  /** Many tablets are silent at once. */
  outage(incident) {
    this.#say(`Outage. ${outage(incident)}.`);
    if (this.sound) this.#play();
  }

  /** Show in the title and the tab's icon how many grave alerts nobody has acknowledged. */
  badge(alerts, hotel) {
    const count = alerts.filter(({ severity, acknowledged }) => rank(severity) >= GRAVE && !acknowledged).length;
    const title = `${count ? `(${count}) ` : ""}Innwatch${hotel ? ` · ${hotel}` : ""}`;
    if (document.title !== title) document.title = title;
    const icon = document.querySelector("link[rel=icon]");
    const wanted = count ? icon.dataset.alarm : icon.dataset.calm;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  }

  /** Turn the sound on or off; turning it on plays it, which also gives the browser the click that it wants. */
  toggle() {
    this.sound = !this.sound;
    localStorage.setItem(SOUND, this.sound ? "on" : "off");
    if (this.sound) this.#play();
  }

  #announce() {
    const alerts = this.#waiting.splice(0).sort((one, other) => rank(other.severity) - rank(one.severity));
    const [{ severity, deviceId, roomId }] = alerts;
    const where = `${roomName(this.#room(roomId), roomId)}, tablet ${deviceId}`;
    const more = alerts.length > 1 ? ` And ${alerts.length - 1} more.` : "";
    this.#say(`${SEVERITY[severity]} alert: ${headline(alerts[0])}. ${where}.${more}`);
    if (this.sound) this.#play();
  }

  // Two falling notes, twice. Made here, so that there is no file to fetch while the network is in trouble.
  #play() {
    this.#wake();
    const start = this.#audio.currentTime + 0.02;
    for (const [after, pitch] of [[0, 880], [0.18, 660], [0.5, 880], [0.68, 660]]) this.#note(start + after, pitch);
  }

  #wake() {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
  }

  #note(at, pitch) {
    const volume = this.#audio.createGain();
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.17);
    const tone = this.#audio.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(at);
    tone.stop(at + 0.18);
  }
}
