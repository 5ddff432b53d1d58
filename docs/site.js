"use strict";
// What scrolls can be scrolled with the keyboard; parts of a menu, and the search, have names.
addEventListener("load", () => {
  for (const part of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code, .jp-OutputArea-output, .highlight-ipynb pre"))
    part.tabIndex = 0;
  document.querySelectorAll(".md-nav .md-nav, nav.md-code__nav").forEach((menu, place) => {
    const name = document.getElementById(menu.getAttribute("aria-labelledby"))?.textContent.trim() || "Code";
    menu.removeAttribute("aria-labelledby");
    menu.setAttribute("aria-label", `${name}, ${place + 1}`);
  });
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const heading of document.querySelectorAll("th:empty")) heading.replaceWith(document.createElement("td"));
});
