"use strict";
(() => {
  const MOST = 32;
  const STEP = 1.25;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  // One picture of a viewer: its files, frame by frame, and those of its errors.
  const panelOf = (figure) => {
    const image = figure.querySelector("img");
    const listed = (text) => (text ? text.split(" ") : []);
    return {
      image,
      name: figure.querySelector("figcaption b").textContent,
      pictures: listed(image.dataset.pictures || image.getAttribute("src")),
      errors: listed(image.dataset.errors),
    };
  };

  const viewer = (root) => {
    const panels = [...root.querySelectorAll(".panel")].map(panelOf);
    const stage = root.querySelector(".stage");
    const layers = [...stage.querySelectorAll("img")];
    const sides = [...root.querySelectorAll("select")];
    const level = root.querySelector(".level");
    const frames = root.querySelector(".frame input");
    // What is seen: `left` and `top` are fractions of the picture, as is what 1 / `zoom` leaves of it.
    const seen = { zoom: 1, left: 0, top: 0 };
    const shown = { errors: false, frame: 0 };
    const pointers = new Map();

    const draw = () => {
      const share = 1 / seen.zoom;
      seen.left = clamp(seen.left, 0, 1 - share);
      seen.top = clamp(seen.top, 0, 1 - share);
      root.style.setProperty("--zoom", seen.zoom);
      root.style.setProperty("--x", `${-100 * seen.left * seen.zoom}%`);
      root.style.setProperty("--y", `${-100 * seen.top * seen.zoom}%`);
      const width = root.querySelector(".panels .view").clientWidth;
      root.classList.toggle("pixels", (width * seen.zoom) / Number(root.dataset.width) >= 2);
      root.classList.toggle("zoomed", seen.zoom > 1);
      level.textContent = `${seen.zoom.toFixed(1).replace(".0", "")}×`;
    };

    // The point of the picture below (across, down), fractions of a view, stays where it is.
    const zoomTo = (zoom, across = 0.5, down = 0.5) => {
      const next = clamp(zoom, 1, MOST);
      seen.left += across / seen.zoom - across / next;
      seen.top += down / seen.zoom - down / next;
      seen.zoom = next;
      draw();
    };

    const move = (across, down) => {
      seen.left += across / seen.zoom;
      seen.top += down / seen.zoom;
      draw();
    };

    const look = (box, size) => {
      const [left, top, width, height] = box;
      const [across, down] = size;
      seen.zoom = clamp(Math.min(across / width, down / height), 1, MOST);
      seen.left = (left + width / 2) / across - 0.5 / seen.zoom;
      seen.top = (top + height / 2) / down - 0.5 / seen.zoom;
      draw();
    };

    const fileOf = (panel) => (shown.errors && panel.errors[shown.frame]) || panel.pictures[shown.frame];

    const load = () => {
      for (const panel of panels) panel.image.src = fileOf(panel);
      if (stage.closest("details").open) lay();
    };

    const lay = () => {
      layers.forEach((layer, side) => {
        const panel = panels[Number(sides[side].value)];
        layer.src = fileOf(panel);
        layer.alt = panel.name;
        layer.width = panels[0].image.width;
        layer.height = panels[0].image.height;
        layer.classList.toggle("coarse", panel.image.closest(".of-input") !== null);
      });
    };

    const place = (view, point) => {
      const box = view.getBoundingClientRect();
      return [(point.x - box.left) / box.width, (point.y - box.top) / box.height];
    };

    const wheel = (event) => {
      if (!event.ctrlKey && !root.contains(document.activeElement)) return;
      if (event.deltaY > 0 && seen.zoom === 1) return;
      event.preventDefault();
      zoomTo(seen.zoom * Math.exp(-0.002 * event.deltaY), ...place(event.currentTarget, event));
    };

    const middle = () => {
      const [a, b] = [...pointers.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
    };

    const drag = (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const view = event.currentTarget;
      const now = { x: event.clientX, y: event.clientY };
      if (pointers.size === 1) {
        pointers.set(event.pointerId, now);
        move((before.x - now.x) / view.clientWidth, (before.y - now.y) / view.clientHeight);
      } else if (pointers.size === 2) {
        const old = middle();
        pointers.set(event.pointerId, now);
        const next = middle();
        move((old.x - next.x) / view.clientWidth, (old.y - next.y) / view.clientHeight);
        zoomTo((seen.zoom * next.apart) / Math.max(1, old.apart), ...place(view, next));
      }
    };

    for (const view of root.querySelectorAll(".view")) {
      view.addEventListener("wheel", wheel, { passive: false });
      view.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        view.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      });
      view.addEventListener("pointermove", drag);
      for (const end of ["pointerup", "pointercancel"]) {
        view.addEventListener(end, (event) => pointers.delete(event.pointerId));
      }
    }

    const keys = {
      "+": () => zoomTo(seen.zoom * STEP),
      "=": () => zoomTo(seen.zoom * STEP),
      "-": () => zoomTo(seen.zoom / STEP),
      "_": () => zoomTo(seen.zoom / STEP),
      "0": () => zoomTo(1),
      ArrowLeft: () => move(-0.1, 0),
      ArrowRight: () => move(0.1, 0),
      ArrowUp: () => move(0, -0.1),
      ArrowDown: () => move(0, 0.1),
    };
    const pressed = (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.startsWith("Arrow") && seen.zoom === 1) return;
      event.preventDefault();
      act();
    };
    root.querySelector(".panels").addEventListener("keydown", pressed);
    stage.addEventListener("keydown", pressed);

    const zooms = { in: keys["+"], out: keys["-"], all: keys["0"] };
    for (const button of root.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", zooms[button.dataset.zoom]);
    }
    for (const button of root.querySelectorAll("[data-look]")) {
      const numbers = (text) => text.split(" ").map(Number);
      button.addEventListener("click", () => look(numbers(button.dataset.look), numbers(button.dataset.of)));
    }
    const choices = [...root.querySelectorAll("[data-show]")];
    for (const button of choices) {
      button.addEventListener("click", () => {
        for (const one of choices) one.setAttribute("aria-pressed", String(one === button));
        shown.errors = button.dataset.show === "errors";
        root.classList.toggle("errors", shown.errors);
        load();
      });
    }
    if (frames) {
      frames.addEventListener("input", () => {
        shown.frame = Number(frames.value) - 1;
        frames.parentElement.querySelector("output").textContent = frames.value;
        load();
      });
    }
    for (const side of sides) side.addEventListener("change", lay);
    stage.closest("details").addEventListener("toggle", lay);
    const edge = root.querySelector(".swipe input");
    edge.addEventListener("input", () => stage.style.setProperty("--edge", `${edge.value}%`));

    for (const hidden of root.querySelectorAll(".tools, .swiping")) hidden.hidden = false;
    new ResizeObserver(draw).observe(root);
    draw();
  };

  for (const root of document.querySelectorAll("[data-viewer]")) viewer(root);
  for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;
})();
