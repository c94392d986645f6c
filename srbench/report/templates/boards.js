"use strict";
// One board at a time: its rows in the order and choice that the address says. Cells are never made here: they
// are the page's own, kept as text in each board's data, so that what is drawn is what was escaped there.
(() => {
  const CHUNK = 40;
  const tools = document.getElementById("tools");
  const status = document.getElementById("status");
  const datasets = document.getElementById("datasets");
  const links = [...document.querySelectorAll("nav.boards a")];
  const sections = new Map([...document.querySelectorAll("section.board")].map((section) => [section.id, section]));
  const first = [...sections.keys()][0];
  if (!tools || !first) return;

  const DEFAULTS = { b: first, s: "", d: [], hide: [], q: "", f: "", p: "", t: "", w: "", pub: true, blank: true };
  const loaded = new Map();
  let state = { ...DEFAULTS };
  let order = [];
  let drawn = 0;

  // ------------------------------------------------------------------------------ the address

  const list = (text) => (text ? text.split(",") : []);

  const offered = (name, text) => ([...tools.elements[name].options].some((option) => option.value === text) ? text : "");

  const read = () => {
    const text = location.hash.slice(1);
    if (!text) return { ...DEFAULTS };
    if (!text.includes("=")) return sections.has(text) ? { ...DEFAULTS, b: text } : null;
    const said = new URLSearchParams(text);
    const get = (name) => said.get(name) || "";
    return {
      b: sections.has(get("b")) ? get("b") : first,
      s: get("s"), d: list(get("d")), hide: list(get("hide")),
      q: get("q"), f: offered("f", get("f")), p: get("p"), t: offered("t", get("t")), w: offered("w", get("w")),
      pub: get("pub") !== "0", blank: get("blank") !== "0",
    };
  };

  const write = () => {
    const said = new URLSearchParams({ b: state.b });
    for (const name of ["s", "q", "f", "p", "t", "w"]) if (state[name]) said.set(name, state[name]);
    for (const name of ["d", "hide"]) if (state[name].length) said.set(name, state[name].join(","));
    for (const name of ["pub", "blank"]) if (!state[name]) said.set(name, "0");
    const hash = `#${said}`;
    if (location.hash !== hash && (location.hash || said.size > 1 || state.b !== first)) location.replace(hash);
  };

  // ------------------------------------------------------------------------- a board's data

  const board = (id) => {
    if (!loaded.has(id)) {
      const section = sections.get(id);
      const data = JSON.parse(document.getElementById(`${id}-data`).textContent);
      const table = section.querySelector("table");
      const ranked = data.ranks.findIndex((ranks) => ranks !== null);
      loaded.set(id, { ...data, section, table, ranked, body: table.tBodies[0] });
    }
    return loaded.get(id);
  };

  const chosenGroups = (data) => {
    const known = state.d.filter((id) => data.groups.includes(id));
    return new Set(known.length ? known : data.groups);
  };

  const chosenColumns = (data) => {
    const groups = chosenGroups(data);
    return data.columns.map((c) => groups.has(data.groups[c.group]) && !state.hide.includes(c.metric));
  };

  const sorting = (data) => {
    const reversed = state.s.startsWith("-");
    const id = reversed ? state.s.slice(1) : state.s;
    if (id === "model") return { column: -1, reversed, up: !reversed };
    const found = data.columns.findIndex((column) => column.id === id);
    const column = found < 0 ? data.ranked : found;
    const low = column >= 0 && data.columns[column].direction !== "higher";
    return { column: column < 0 ? null : column, reversed: found >= 0 && reversed, up: low !== (found >= 0 && reversed), own: found < 0 };
  };

  // --------------------------------------------------------------------------- rows in order

  const matching = (data, chosen) => {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const most = state.p === "" ? NaN : Number(state.p);
    const places = chosen.flatMap((shown, place) => (shown ? [place] : []));
    const rows = [];
    data.facts.forEach(([text, family, params, trained, weights], row) => {
      if (words.length && !words.every((word) => text.includes(word))) return;
      if (state.f && family !== state.f) return;
      if (!Number.isNaN(most) && !(params !== null && params <= most)) return;
      if (state.t && !trained.includes(state.t)) return;
      if (state.w && weights !== state.w) return;
      if (!state.blank && !places.some((place) => data.values[place][row] !== null)) return;
      rows.push(row);
    });
    return rows;
  };

  const sorted = (data, rows) => {
    const { column, up, own } = sorting(data);
    if (column === null || own) return rows;
    const key = column < 0 ? (row) => data.facts[row][0] : (row) => data.values[column][row];
    const way = up ? 1 : -1;
    return rows.sort((a, b) => {
      const x = key(a);
      const y = key(b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return x === y ? a - b : (x < y ? -way : way);
    });
  };

  const rankCell = (ranks, row, banded) => {
    const rank = ranks && ranks[row];
    if (!rank) return '<td class="rank"></td>';
    const bar = banded && rank[1] !== null ? " band" : "";
    return `<td class="rank${bar}${rank[1] % 2 ? " odd" : ""}">${rank[0]}</td>`;
  };

  const draw = (data, chosen, from, to) => {
    const { column } = sorting(data);
    const own = column !== null && column >= 0 && data.ranks[column];
    const ranks = own || data.ranks[data.ranked];
    return order.slice(from, to).map((row) => {
      const [head, ...cells] = data.rows[row];
      return `<tr>${rankCell(ranks, row, own)}${head}${cells.filter((_, place) => chosen[place]).join("")}</tr>`;
    }).join("");
  };

  // ------------------------------------------------------------------------------- the table

  const showHeader = (data, chosen) => {
    const { column, up, own } = sorting(data);
    const titled = column !== null && column >= 0 && data.ranks[column] ? column : data.ranked;
    for (const header of data.table.tHead.querySelectorAll("[data-column]")) {
      const name = header.dataset.column;
      const mine = name === "model" ? column === -1 : Number(name) === column;
      header.setAttribute("aria-sort", mine ? (up ? "ascending" : "descending") : "none");
      if (name !== "model") header.hidden = !chosen[name];
    }
    for (const header of data.table.tHead.querySelectorAll("[data-group]")) {
      const count = data.columns.filter((c, place) => c.group === Number(header.dataset.group) && chosen[place]).length;
      header.hidden = count === 0;
      if (count) header.colSpan = count;
    }
    const rank = data.table.tHead.querySelector(".rank");
    rank.hidden = data.ranked < 0;
    rank.title = titled >= 0 ? `${nameOf(data, titled)}: ${data.columns[titled].basis}` : "";
    return own;
  };

  const nameOf = (data, column) => {
    const group = data.table.tHead.querySelector(`[data-group="${data.columns[column].group}"] bdi`);
    return `${data.columns[column].title} on ${group.textContent}`;
  };

  const more = (data, chosen, count) => {
    if (drawn >= order.length) return;
    const next = Math.min(order.length, drawn + count);
    data.body.insertAdjacentHTML("beforeend", draw(data, chosen, drawn, next));
    drawn = next;
    follow(data);
  };

  const follow = (data) => {
    const line = data.section.querySelector(".more");
    watcher.disconnect();
    const done = drawn >= order.length;
    line.hidden = done && !line.querySelector("a");
    for (const part of line.querySelectorAll(".count, button")) part.hidden = done;
    line.querySelector(".count").textContent = `${drawn} of ${order.length} rows are drawn; scroll on, or`;
    if (drawn < order.length && data.body.lastElementChild) watcher.observe(data.body.lastElementChild);
  };

  const watcher = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) more(board(state.b), chosenColumns(board(state.b)), CHUNK);
  }, { rootMargin: "600px" });

  const tell = (data) => {
    const { column, reversed } = sorting(data);
    const by = column === null ? "" : column < 0
      ? `, by name${reversed ? ", backwards" : ""}` : `, by ${nameOf(data, column)}${reversed ? ", worst first" : ""}`;
    status.textContent = `${order.length} of ${data.rows.length} rows${by}.`;
  };

  const render = (untouched) => {
    const data = board(state.b);
    const chosen = chosenColumns(data);
    for (const [id, section] of sections) section.hidden = id !== state.b;
    for (const link of links) {
      if (link.hash === `#${state.b}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    showHeader(data, chosen);
    order = sorted(data, matching(data, chosen));
    data.table.setAttribute("aria-rowcount", String(order.length + 2));
    data.section.classList.toggle("unpublished", !state.pub);
    if (untouched) {
      drawn = data.body.rows.length;
    } else {
      drawn = Math.min(CHUNK, order.length);
      data.body.innerHTML = draw(data, chosen, 0, drawn);
    }
    follow(data);
    tell(data);
    document.dispatchEvent(new CustomEvent("srbench:rows", {
      detail: { board: state.b, rows: order, columns: chosen.flatMap((shown, place) => (shown ? [place] : [])) },
    }));
  };

  // -------------------------------------------------------------------------------- the tools

  const showTools = () => {
    const data = board(state.b);
    const groups = chosenGroups(data);
    for (const name of ["q", "f", "p", "t", "w"]) tools.elements[name].value = state[name];
    for (const name of ["pub", "blank"]) tools.elements[name].checked = state[name];
    for (const box of tools.querySelectorAll("[name=m]")) {
      box.checked = !state.hide.includes(box.value);
      box.parentElement.hidden = !data.columns.some((column) => column.metric === box.value);
    }
    datasets.replaceChildren(datasets.firstElementChild, ...data.groups.map((id, place) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "d", value: id, checked: groups.has(id) });
      const name = document.createElement("bdi");
      name.textContent = data.table.tHead.querySelector(`[data-group="${place}"] bdi`).textContent;
      label.append(box, " ", name);
      return label;
    }));
  };

  const readTools = () => {
    const data = board(state.b);
    const checked = (name, is) => [...tools.querySelectorAll(`[name=${name}]`)].filter((box) => box.checked === is).map((box) => box.value);
    const groups = checked("d", true);
    state = {
      ...state,
      d: groups.length === data.groups.length ? [] : groups,
      hide: checked("m", false),
      pub: tools.elements.pub.checked,
      blank: tools.elements.blank.checked,
    };
    for (const name of ["q", "f", "p", "t", "w"]) state[name] = tools.elements[name].value;
  };

  const change = (next, tooled) => {
    state = next;
    if (!tooled) showTools();
    render(false);
    write();
  };

  tools.addEventListener("input", () => { readTools(); change(state, true); });
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("reset", (event) => { event.preventDefault(); change({ ...DEFAULTS, b: state.b }); });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("thead button");
    const link = event.target.closest('a[href^="#"]');
    if (button && button.closest("section.board")) {
      const data = board(state.b);
      const name = button.closest("th").dataset.column;
      const id = name === "model" ? "model" : data.columns[name].id;
      const now = sorting(data);
      const mine = name === "model" ? now.column === -1 : now.column === Number(name);
      change({ ...state, s: mine && !now.reversed ? `-${id}` : id });
    } else if (link && links.includes(link)) {
      event.preventDefault();
      change({ ...state, b: link.hash.slice(1) });
    } else if (link && link.closest("section.board")) {
      const target = document.getElementById(link.hash.slice(1));
      if (!target) return;
      event.preventDefault(); // a note must not take the place of the address's state
      target.scrollIntoView({ block: "center" });
      target.focus();
    }
  });

  addEventListener("hashchange", () => {
    const next = read();
    if (next && JSON.stringify(next) !== JSON.stringify(state)) { state = next; showTools(); render(false); }
  });

  const all = () => more(board(state.b), chosenColumns(board(state.b)), Infinity);
  addEventListener("beforeprint", all);
  for (const section of sections.values()) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "draw all" });
    button.addEventListener("click", all);
    section.querySelector(".more .count").after(" ", button, " ");
  }

  tools.hidden = false;
  const asked = read();
  const untouched = !asked || JSON.stringify(asked) === JSON.stringify(DEFAULTS);
  if (asked) state = asked;
  showTools();
  render(untouched);
})();
