// The hotel's people, for who may change them: fetched when the page is looked at, and again after every deed.

export class People {
  items = null; // as /api/users lists them, once they have come
  trouble = ""; // why the list could not be had, or a deed was not done
  made = null; // a link to hand over: { name, address, expiresAt }
  busy = false;

  #session;
  #changed;

  /** `changed()` is called after every change of the fields. */
  constructor({ session, changed }) {
    this.#session = session;
    this.#changed = changed;
  }

  load() {
    return this.#work(async () => {});
  }

  /** Returns whether it was done: then the form may be emptied. */
  add({ name, role }) {
    return this.#work(async (http) => {
      const { password } = await http.post("users", { name, role });
      this.made = password && this.#link(name, password);
    });
  }

  changeRole(name, role) {
    return this.#work((http) => http.patch(`users/${name}`, { role }));
  }

  remove(name) {
    return this.#work((http) => http.delete(`users/${name}`));
  }

  setDisabled(name, disabled) {
    return this.#work((http) => http.post(`users/${name}/${disabled ? "disable" : "enable"}`));
  }

  makeLink(name) {
    return this.#work(async (http) => {
      this.made = this.#link(name, await http.post(`users/${name}/password-link`));
    });
  }

  forgetLink() {
    this.made = null;
    this.#changed();
  }

  #link(name, { link, expiresAt }) {
    return { name, address: new URL(link, document.baseURI).href, expiresAt };
  }

  async #work(deed) {
    const { http } = this.#session;
    Object.assign(this, { busy: true, trouble: "" });
    this.#changed();
    try {
      await deed(http);
    } catch ({ message, body }) {
      this.trouble = body?.errors?.length ? `The name ${body.errors[0].detail}.` : message;
    }
    const done = !this.trouble;
    try {
      this.items = await http.all("users");
    } catch ({ message }) {
      this.trouble ||= message;
    }
    this.busy = false;
    this.#changed();
    return done;
  }
}
