// Elements, requests to the control surface, and texts that several views share. Text is never parsed as HTML.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

let fields = 0;

// The label is beside its control, not around it: the options of a list would become a part of its name.
export function field(label, control) {
  control.id = `field-${(fields += 1)}`;
  return h("div", { class: "field" }, h("label", { htmlFor: control.id }, label), control);
}

export const choice = (options, properties = {}) =>
  h("select", properties, ...options.map((each) => h("option", { value: each.value ?? each }, each.label ?? each)));

// On a phone, the cells of a row are below each other, and the name of its column stands in each. A # means numbers.
export const table = (names, body) =>
  h("table", {}, h("thead", {}, h("tr", {}, ...names.map((name) =>
    h("th", { scope: "col", class: name.startsWith("#") ? "num" : "" }, name.replace("#", ""))))), body);

export const row = (names, ...cells) =>
  h("tr", {}, ...names.map((name, index) => h("td", {
    class: `${name.startsWith("#") ? "num " : ""}${cells[index].class ?? ""}`, "data-name": name.replace("#", ""),
  }, ...(cells[index].content ?? [cells[index]]))));

export async function call(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (method === "POST") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  const answer = await fetch(`/_sandbox/${path}`, options).catch(() => {
    throw new Error("The sandbox does not answer.");
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const fields = (data.error?.validation_errors ?? []).map((each) => `${each.field} ${each.message}`);
    throw new Error(fields.join("; ") || data.error?.detail || `The sandbox answered ${answer.status}.`);
  }
  return data;
}

export function note(text, isBad = false) {
  const element = h("div", { class: isBad ? "note bad" : "note" }, text);
  document.getElementById("notes").append(element);
  setTimeout(() => element.remove(), isBad ? 8000 : 3500);
}

// Call a function that may fail, with a note of what happened.
export async function attempt(action, done) {
  try {
    const result = await action();
    if (done) note(done);
    return result;
  } catch (error) {
    note(error.message, true);
    return undefined;
  }
}

export const button = (label, action, properties = {}) =>
  h("button", { type: "button", onclick: action, ...properties }, label);

export function form(properties, submit, ...children) {
  const element = h("form", properties, ...children);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(new FormData(element), element);
  });
  return element;
}

export const copy = (text) => attempt(() => navigator.clipboard.writeText(text), "Copied.");

export const clockText = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

export function secretPanel(title, secret) {
  return h("div", { class: "panel secret stack", role: "alert" },
    h("h3", {}, title),
    h("p", { class: "quiet" }, "Copy it now; it is not shown again."),
    h("pre", {}, secret),
    h("div", {}, button("Copy", () => copy(secret))));
}

export function pretty(text) {
  if (text === null || text === undefined) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const heads = (headers) => Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n");

function side(title, part, absent) {
  const lines = heads(part?.headers);
  const body = pretty(part?.body);
  return h("div", {}, h("h3", {}, title),
    lines ? h("pre", { class: "heads", tabIndex: 0, "aria-label": `Headers of the ${title.toLowerCase()}` }, lines) : null,
    body ? h("pre", { tabIndex: 0, "aria-label": `Body of the ${title.toLowerCase()}` }, body)
      : h("p", { class: "quiet" }, body === "" ? "The body is empty." : absent));
}

export const bothSides = (data) => h("div", { class: "sides" },
  side("Request", data.request, "No body was recorded."),
  side("Answer", data.response, "No body was recorded: it was not sent, or it is a file."));
