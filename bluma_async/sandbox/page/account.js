// Credits, the ledger, the hourly budgets, and API keys.

import { attempt, button, call, choice, clockText, field, form, h, row, secretPanel, table } from "./dom.js";

const MOST = 500;
const LEDGER = ["Time", "What", "#Amount", "#Balance"];
const KEYS = ["Name", "Begins with", "Kind", "#An hour", "State", ""];

export class Credits {
  constructor() {
    this.tiles = h("div", { class: "tiles" });
    this.budgets = h("div", { class: "stack" });
    this.rows = h("tbody");
    this.element = h("section", { "aria-label": "Credits" }, this.tiles,
      h("div", { class: "panels" },
        h("div", { class: "panel" }, h("h3", {}, "Ledger"), h("div", { class: "wrap" },
          table(LEDGER, this.rows))),
        h("div", { class: "panel" }, h("h3", {}, "Requests of the last hour"), this.budgets)));
  }

  showAccount(account) {
    const tiles = [["Balance", account.credits], ["Spent", account.spent], ["Billed videos", account.billed],
      ["Live jobs", account.jobs.live], ["Test jobs", account.jobs.test], ["Requests", account.requests]];
    this.tiles.replaceChildren(...tiles.map(([label, value]) =>
      h("div", { class: "panel tile" }, h("span", { class: "quiet" }, label), h("b", {}, value.toLocaleString("en")))));
    this.budgets.replaceChildren(...account.budgets.map((each) => h("div", { class: "budget" },
      h("div", {}, h("span", {}, each.name), h("span", { class: "quiet" }, `${each.used.toLocaleString("en")} of ${each.limit.toLocaleString("en")}`)),
      h("progress", { max: Math.max(each.limit, 1), value: each.used, "aria-label": `Budget of ${each.name}` }))));
  }

  reset(rows) {
    this.rows.replaceChildren();
    this.update(rows);
  }

  update(rows) {
    this.rows.prepend(...rows.map((each) => row(LEDGER,
      { class: "quiet mono", content: [clockText(each.at)] },
      { content: [each.description, each.is_stranger ? h("span", { class: "quiet" }, " (stranger)") : null] },
      { class: each.amount > 0 ? "plus" : "minus", content: [each.amount > 0 ? `+${each.amount}` : String(each.amount).replace("-", "−")] },
      String(each.balance_after))).reverse());
    while (this.rows.children.length > MOST) this.rows.lastElementChild.remove();
  }
}

export class Keys {
  constructor() {
    this.rows = h("tbody");
    this.secrets = h("div", { class: "stack" });
    const submit = (data, element) => attempt(async () => {
      const made = await call("POST", "keys", { name: data.get("name"), environment: data.get("environment") });
      this.secrets.replaceChildren(secretPanel(`Secret of ${data.get("name")}`, made.secret));
      element.reset();
    }, "The key is created.");
    this.element = h("section", { "aria-label": "Keys" }, h("div", { class: "panels" },
      h("div", { class: "panel stack" }, h("h3", {}, "API keys"), h("div", { class: "wrap" },
        table(KEYS, this.rows)), this.secrets),
      h("div", { class: "panel" }, h("h3", {}, "Create a key"), form({ class: "stack" }, submit,
        field("Name", h("input", { name: "name", required: true, placeholder: "CI" })),
        field("Kind", choice([{ value: "test", label: "Test: not billed" }, { value: "production", label: "Live: billed" }], { name: "environment" })),
        h("div", {}, h("button", { class: "main", type: "submit" }, "Create"))))));
  }

  show(keys) {
    this.rows.replaceChildren(...keys.map((key) => row(KEYS,
      key.name, { class: "mono", content: [`${key.prefix}…`] }, key.environment === "test" ? "test" : "live",
      key.limit.toLocaleString("en"),
      h("span", { class: `state ${key.is_active ? "completed" : "failed"}` }, key.is_active ? "active" : "revoked"),
      { class: "right", content: [key.is_active ? h("span", { class: "moves" },
        button("Rotate", () => this.rotate(key), { "aria-label": `Rotate ${key.name}` }),
        button("Revoke", () => attempt(() => call("DELETE", `keys/${key.id}`), `${key.name} is revoked.`), { class: "risk", "aria-label": `Revoke ${key.name}` })) : null] })));
  }

  rotate(key) {
    return attempt(async () => {
      const made = await call("POST", `keys/${key.id}/rotate`);
      this.secrets.replaceChildren(secretPanel(`New secret of ${key.name}; the old one works for 30 more days`, made.secret));
    });
  }
}
