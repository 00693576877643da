// The cards of videos and generations: one element for each, changed in place, newest first.

import { attempt, button, call, choice, clockText, copy, field, form, h } from "./dom.js";

const WORDS = { queued: "Queued", processing: "Processing", completed: "Completed", failed: "Failed" };
const SOURCES = { bluma: "Bluma", kie: "kie.ai Luma", umami: "UmamiAI Luma", vapi: "V-API Luma" };
const MOST = 1000;

class Card {
  constructor(data) {
    this.picture = h("div", { class: "picture" });
    this.prompt = h("p", { class: "prompt", dir: "auto" });
    this.state = h("span", { class: "state" });
    this.facts = h("span");
    this.element = h("article", { class: "card" }, this.picture, h("div", { class: "about" },
      this.prompt,
      h("div", { class: "facts" }, this.state, this.facts),
      h("div", { class: "facts" },
        button(data.id, () => copy(data.id), { class: "id mono", title: "Copy the id", "aria-label": `Copy the id ${data.id}` }),
        h("span", {}, `${clockText(data.created)} UTC`))));
    this.update(data);
  }

  update(data) {
    const before = this.data;
    this.data = data;
    this.element.dataset.status = data.status;
    this.element.classList.toggle("wide", data.width > data.height);
    this.prompt.textContent = data.prompt;
    this.prompt.title = data.prompt;
    this.state.className = `state ${data.status}`;
    this.state.textContent = data.status === "processing" ? `${data.progress} %` : WORDS[data.status];
    const price = data.credits === null ? null : `${data.credits} credits`;
    const size = data.size_bytes && data.status === "completed" ? `${(data.size_bytes / 1e6).toFixed(1)} MB` : null;
    this.facts.textContent = [data.template ?? SOURCES[data.source], data.resolution, price, `${data.duration} s`, size]
      .filter(Boolean).join(" · ");
    if (before && before.status === data.status) this.advance();
    else this.draw();
  }

  advance() {
    if (this.meter) {
      this.meter.value = this.data.progress;
      this.percent.textContent = `${this.data.progress} %`;
    }
  }

  draw() {
    const { data } = this;
    const tag = [data.source === "bluma" ? null : SOURCES[data.source], data.kind === "test" ? "Test" : "Live",
      data.is_stranger ? "stranger" : null].filter(Boolean).join(" · ");
    this.meter = null;
    this.picture.replaceChildren(h("span", { class: "tag" }, tag));
    if (data.status === "completed") this.drawThumbnail();
    else if (data.status === "failed") this.picture.append(h("div", { class: "waiting" }, h("b", {}, "Failed"), h("span", {}, data.error)));
    else this.drawWaiting();
  }

  drawWaiting() {
    this.percent = h("b", {}, `${this.data.progress} %`);
    this.meter = h("progress", { max: 100, value: this.data.progress, "aria-label": `Progress of ${this.data.id}` });
    this.picture.append(h("div", { class: "waiting" }, this.percent, h("span", {}, WORDS[this.data.status])), this.meter);
  }

  drawThumbnail() {
    const image = h("img", { alt: "", loading: "lazy", decoding: "async", src: this.data.thumbnail });
    image.addEventListener("error", () => image.remove());
    this.picture.append(image,
      button("", () => this.play(), { class: "play", "aria-label": `Play ${this.data.prompt.slice(0, 80)}` }));
  }

  play() {
    for (const other of document.querySelectorAll(".picture video")) other.pause();
    const video = h("video", { controls: true, autoplay: true, playsInline: true, src: this.data.video, poster: this.data.thumbnail,
      "aria-label": this.data.prompt.slice(0, 80) });
    this.picture.replaceChildren(video);
    video.focus();
  }
}

export class Videos {
  constructor(store) {
    this.cards = new Map();
    this.filter = "all";
    this.search = h("input", { type: "search", placeholder: "Search prompts, ids, templates", oninput: () => this.apply() });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Show videos that are" });
    this.grid = h("div", { class: "grid" });
    this.empty = h("div", { class: "empty" }, h("b", {}, "No videos yet"),
      h("p", {}, "Point a client at this sandbox, or make a video here."),
      h("pre", { tabIndex: 0, "aria-label": "Address for clients" }, `export BLUMA_BASE_URL=${location.origin}/api/v1`));
    this.nothing = h("p", { class: "quiet", hidden: true }, "No video matches.");
    this.element = h("section", { "aria-label": "Videos" }, this.makeForm(store),
      h("div", { class: "bar" }, this.chips, h("label", { class: "search", "aria-label": "Search videos" }, this.search)),
      this.empty, this.nothing, this.grid);
    for (const [value, label] of [["all", "All"], ["running", "In progress"], ["completed", "Completed"], ["failed", "Failed"]]) {
      this.chips.append(button(label, () => { this.filter = value; this.apply(); }, { class: "chip", "data-filter": value }));
    }
    this.apply();
  }

  makeForm(store) {
    const submit = (data, element) => attempt(async () => {
      await call("POST", "videos", { prompt: data.get("prompt"), template_id: data.get("template"), key: data.get("key") });
      element.reset();
      fold.open = false;
    }, "The video is queued.");
    const templates = choice(store.options.templates.map((each) => ({ value: each.id, label: each.name })), { name: "template" });
    const fold = h("details", { class: "fold" }, h("summary", {}, "New video"), h("div", { class: "panel" },
      form({ class: "stack" }, submit,
        field("Prompt", h("textarea", { name: "prompt", required: true, placeholder: "Explain why the sky is blue to a five year old" })),
        h("div", { class: "row" }, field("Template", templates),
          field("Key", choice([{ value: "test", label: "Test: not billed" }, { value: "live", label: "Live: billed" }], { name: "key" })),
          h("button", { class: "main", type: "submit" }, "Create")))));
    return fold;
  }

  // After a reconnection, cards that are still there stay as they are: one of them may be playing.
  reset(cards) {
    const kept = new Set(cards.map((data) => data.id));
    for (const [id, card] of this.cards) {
      if (kept.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    this.update(cards);
  }

  update(cards) {
    const fresh = [];
    for (const data of cards) {
      const known = this.cards.get(data.id);
      if (known) known.update(data);
      else {
        const card = new Card(data);
        this.cards.set(data.id, card);
        fresh.unshift(card.element);
      }
    }
    this.grid.prepend(...fresh);
    while (this.cards.size > MOST) {
      const [id, card] = this.cards.entries().next().value;
      card.element.remove();
      this.cards.delete(id);
    }
    this.apply();
  }

  apply() {
    const words = this.search.value.trim().toLowerCase();
    let shown = 0;
    for (const { data, element } of this.cards.values()) {
      const running = data.status === "queued" || data.status === "processing";
      const fits = this.filter === "all" || this.filter === data.status || (this.filter === "running" && running);
      const found = !words || `${data.prompt} ${data.id} ${data.template} ${SOURCES[data.source]}`.toLowerCase().includes(words);
      element.hidden = !(fits && found);
      shown += fits && found ? 1 : 0;
    }
    for (const chip of this.chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.filter === this.filter));
    this.empty.hidden = this.cards.size > 0;
    this.nothing.hidden = shown > 0 || this.cards.size === 0;
  }
}
