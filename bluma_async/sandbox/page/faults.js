// Faults and cruelty: presets, a form for any fault, and every setting of cruelty.

import { attempt, button, call, choice, field, form, h, row, table } from "./dom.js";

const ACTIVE = ["Where", "What", "Left"];
const PRESETS = [
  ["Next create: 500", { route: "POST /videos", kind: "status", status: 500 }],
  ["Next create: cut after it was accepted", { route: "POST /videos", kind: "drop_after" }],
  ["Next create: no answer", { route: "POST /videos", kind: "silent" }],
  ["Next video fails to render", { route: "POST /videos", kind: "fail_render" }],
  ["Next request: 429, retry after 2 s", { route: "*", kind: "status", status: 429, retry_after: 2 }],
  ["Next read: not JSON", { route: "GET /videos/{id}", kind: "not_json" }],
  ["Next link is expired", { route: "GET /videos/{id}/download", kind: "expire_link" }],
  ["Next webhook comes twice", { route: "webhooks", kind: "duplicate_webhook" }],
];
const OPTIONS = [["status", "Status"], ["retry_after", "Retry-After, seconds"], ["seconds", "Delay, seconds"], ["after", "Bytes before the cut"], ["skip", "Let pass first"]];

const numberInput = (name, placeholder = "") => h("input", { type: "number", name, min: 0, step: "any", placeholder });

export class Faults {
  constructor(store) {
    this.store = store;
    this.active = h("tbody");
    this.none = h("p", { class: "quiet" }, "No fault is active.");
    this.table = table(ACTIVE, this.active);
    this.settings = h("div", { class: "settings" });
    this.element = h("section", { "aria-label": "Faults", class: "stack" },
      h("div", { class: "panels" },
        h("div", { class: "panel stack" }, h("h3", {}, "One click"),
          h("div", { class: "chips" }, ...PRESETS.map(([label, fault]) => button(label, () => this.add(fault)))),
          h("h3", {}, "Active faults"), this.none, h("div", { class: "wrap" }, this.table),
          h("div", {}, button("Remove all faults", () => attempt(() => call("DELETE", "faults"), "Every fault is removed."), { class: "risk" }))),
        h("div", { class: "panel" }, h("h3", {}, "Any fault"), this.makeForm())),
      h("div", { class: "panel stack" }, h("h3", {}, "Cruelty"),
        h("p", { class: "quiet" }, "Ways in which a server can be slower, less consistent or busier than its documents promise. A change applies at once."),
        this.makeProfile(), this.settings));
  }

  add(fault) {
    return attempt(() => call("POST", "faults", fault), "The fault is active.");
  }

  makeForm() {
    const { options } = this.store;
    return form({ class: "stack" }, (data) => {
      const fault = { route: data.get("route"), kind: data.get("kind") };
      if (options.webhook_faults.includes(fault.kind)) fault.route = "webhooks";
      fault.times = data.get("always") ? null : Number(data.get("times") || 1);
      for (const [name] of OPTIONS) if (data.get(name)) fault[name] = Number(data.get(name));
      return this.add(fault);
    },
    h("div", { class: "row" }, field("Where", choice(options.fault_routes, { name: "route" })), field("What", choice(options.fault_kinds, { name: "kind" }))),
    h("div", { class: "settings" }, field("Times", h("input", { type: "number", name: "times", min: 1, value: 1 })),
      ...OPTIONS.map(([name, label]) => field(label, numberInput(name))),
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "always" }), "Always")),
    h("div", {}, h("button", { class: "main", type: "submit" }, "Add the fault")));
  }

  makeProfile() {
    return form({ class: "row" }, (data) => attempt(() => call("POST", "cruelty", { profile: data.get("profile"), seed: Number(data.get("seed")) }), "The sandbox is cruel now."),
      field("Profile", choice(this.store.options.profiles, { name: "profile" })),
      field("Seed", h("input", { type: "number", name: "seed", value: 0 })),
      h("button", { type: "submit" }, "Draw"),
      button("No cruelty", () => attempt(() => call("DELETE", "cruelty"), "Every cruelty is removed.")));
  }

  showFaults(faults) {
    this.none.hidden = faults.length > 0;
    this.table.hidden = faults.length === 0;
    this.active.replaceChildren(...faults.map((fault) => row(ACTIVE, { class: "mono", content: [fault.route] },
      fault.kind + (["status", "status_after", "html"].includes(fault.kind) ? ` ${fault.status}` : ""),
      fault.times === null ? "always" : String(fault.times))));
  }

  showCruelty(values) {
    const { cruelty_defaults: defaults, cruelty_lists: lists } = this.store.options;
    const active = document.activeElement?.name;
    this.settings.replaceChildren(...Object.entries(values).map(([name, value]) => {
      const isChanged = JSON.stringify(value) !== JSON.stringify(defaults[name]);
      const text = h("span", { class: isChanged ? "changed" : "" }, name.replaceAll("_", " "));
      const send = (next) => attempt(() => call("POST", "cruelty", { [name]: next }));
      if (typeof value === "boolean") {
        return h("label", { class: "check" }, h("input", { type: "checkbox", name, checked: value, onchange: (event) => send(event.target.checked) }), text);
      }
      const shown = Array.isArray(value) ? value.join(", ") : value === null ? "none" : String(value);
      const parse = (given) => {
        if (lists.includes(name)) return given === "none" ? null : given.split(",").map((each) => each.trim()).filter(Boolean);
        if (given === "none" || given === "") return null;
        return Number.isNaN(Number(given)) ? given : Number(given);
      };
      return h("label", {}, text, h("input", { name, value: shown, onchange: (event) => send(parse(event.target.value.trim())) }));
    }));
    if (active) this.settings.querySelector(`[name="${active}"]`)?.focus();
  }
}
