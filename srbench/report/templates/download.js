"use strict";
(() => {
  // What the page's style sheets give a drawing, as attributes: the file has no style sheet.
  const GIVEN = [
    "display", "fill", "fill-opacity", "font-family", "font-size", "font-weight", "paint-order", "stroke",
    "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-width", "text-anchor",
  ];

  const drawing = (figure) => {
    const svg = figure.querySelector(".canvas svg");
    const copy = svg.cloneNode(true);
    const copies = [copy, ...copy.querySelectorAll("*")];
    for (const [i, element] of [svg, ...svg.querySelectorAll("*")].entries()) {
      const style = getComputedStyle(element);
      for (const name of GIVEN) copies[i].setAttribute(name, style.getPropertyValue(name));
    }
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const { width, height } = svg.viewBox.baseVal;
    const look = { width, height, fill: getComputedStyle(figure).backgroundColor };
    for (const [name, value] of Object.entries(look)) paper.setAttribute(name, value);
    for (const name of ["width", "height"]) copy.setAttribute(name, look[name]);
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy);
  };

  const save = (figure) => {
    const link = document.createElement("a");
    const name = figure.id || figure.querySelector("h2, h3, h4").textContent;
    link.href = URL.createObjectURL(new Blob([drawing(figure)], { type: "image/svg+xml" }));
    link.download = `${name.trim().replace(/[^A-Za-z0-9]+/g, "-").slice(0, 80)}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  for (const figure of document.querySelectorAll(".figure")) {
    if (figure.querySelector(".download") || !figure.querySelector(".canvas svg")) continue;
    const line = document.createElement("p");
    const button = document.createElement("button");
    line.className = "download";
    button.type = "button";
    button.textContent = "Download as SVG";
    button.addEventListener("click", () => save(figure));
    line.append(button);
    figure.append(line);
  }
})();
