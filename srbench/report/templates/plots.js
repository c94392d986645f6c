"use strict";
(() => {
  const NEAR = 18;

  const wire = (figure) => {
    const canvas = figure.querySelector(".canvas");
    const svg = canvas.querySelector("svg");
    const tip = canvas.querySelector(".tip");
    const said = figure.querySelector(".said");
    const rows = figure.hasAttribute("data-rows");
    // What a mark says stands in its title: here the tip shows it, and the browser's own would be a second one.
    const points = [...svg.querySelectorAll(".point")].map((element) => {
      const title = element.querySelector("title");
      const words = title.textContent;
      title.remove();
      return { element, words };
    });
    let pointed = null;

    const place = (point) => {
      const box = (point.element.querySelector(".mark, .box") || point.element).getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    };
    const shown = () => points.filter((point) => !point.element.classList.contains("off"));

    const clear = () => {
      if (pointed) pointed.element.classList.remove("pointed");
      pointed = null;
      tip.hidden = true;
    };

    const point = (next, speak) => {
      if (next === pointed) return;
      clear();
      pointed = next;
      if (!next) return;
      next.element.classList.add("pointed");
      if (speak) said.textContent = next.words;
      tip.textContent = next.words;
      tip.hidden = false;
      const at = place(next);
      const frame = canvas.getBoundingClientRect();
      const left = at.x - frame.x + canvas.scrollLeft;
      const room = canvas.scrollLeft + canvas.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(canvas.scrollLeft, Math.min(left + 12, room))}px`;
      const above = at.y - frame.y - tip.offsetHeight - 12;
      tip.style.top = `${above < 0 ? at.y - frame.y + 14 : above}px`;
    };

    const nearest = (event) => {
      let best = null;
      let least = NEAR;
      for (const candidate of shown()) {
        const at = place(candidate);
        const away = rows ? Math.abs(at.y - event.clientY) : Math.hypot(at.x - event.clientX, at.y - event.clientY);
        if (away < least) [best, least] = [candidate, away];
      }
      return best;
    };

    const step = (by) => {
      const order = shown().map((p) => [p, place(p)]).sort(([, a], [, b]) => (rows ? a.y - b.y : a.x - b.x || b.y - a.y));
      if (!order.length) return;
      const now = order.findIndex(([p]) => p === pointed);
      const next = by === "first" ? 0 : by === "last" ? order.length - 1 : now < 0 ? (by > 0 ? 0 : order.length - 1) : now + by;
      point(order[Math.max(0, Math.min(order.length - 1, next))][0], true);
    };

    const keys = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: "first", End: "last" };
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape") clear();
      if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      step(keys[event.key]);
    });
    canvas.addEventListener("pointermove", (event) => point(nearest(event), false));
    canvas.addEventListener("pointerdown", (event) => point(nearest(event), true));
    canvas.addEventListener("pointerleave", clear);
    canvas.addEventListener("blur", clear);

    for (const button of figure.querySelectorAll(".keys button")) {
      button.disabled = false;
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        const same = `[data-series="${button.dataset.series}"]`;
        for (const element of svg.querySelectorAll(same)) element.classList.toggle("off", !on);
        clear();
      });
    }
    figure.querySelector(".hint").hidden = false;
  };

  const choose = (group) => {
    const select = group.querySelector("select");
    const figures = [...group.querySelectorAll(":scope > .figure")];
    const show = () => {
      for (const figure of figures) figure.hidden = figure.id !== select.value;
    };
    const follow = () => {
      const named = decodeURIComponent(location.hash.slice(1));
      if (figures.some((figure) => figure.id === named)) select.value = named;
      show();
    };
    select.addEventListener("change", show);
    addEventListener("hashchange", follow);
    group.querySelector(".chooser").hidden = false;
    follow();
  };

  for (const figure of document.querySelectorAll(".figure")) wire(figure);
  for (const group of document.querySelectorAll("[data-choice]")) choose(group);
})();
