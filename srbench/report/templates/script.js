"use strict";
(() => {
  const ascends = { text: true, lower: true, higher: false };

  const valueOf = (row, column, text) => {
    const value = row.cells[column].dataset.value;
    if (text) return value.toLowerCase();
    if (value === undefined || value === "nan") return null;
    return value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value);
  };

  const compare = (a, b, up) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return a === b ? 0 : (a < b ? -1 : 1) * (up ? 1 : -1);
  };

  const sort = (button) => {
    const header = button.closest("th");
    const table = header.closest("table");
    const kind = button.dataset.kind;
    const buttons = [...table.tHead.querySelectorAll("button")];
    const column = buttons.indexOf(button);
    const sorted = header.getAttribute("aria-sort");
    const up = sorted === "none" ? ascends[kind] : sorted === "descending";
    for (const other of buttons) other.closest("th").setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = [...table.tBodies[0].rows].map((row) => [valueOf(row, column, kind === "text"), row]);
    keyed.sort((a, b) => compare(a[0], b[0], up));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };

  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button));
  }
})();
