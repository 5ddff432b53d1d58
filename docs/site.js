"use strict";
// What scrolls can be scrolled with the keyboard; parts of a menu are no landmarks of their own.
addEventListener("load", () => {
  for (const part of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code, .jp-OutputArea-output, .highlight-ipynb pre"))
    part.tabIndex = 0;
  for (const menu of document.querySelectorAll(".md-nav .md-nav, nav.md-code__nav")) menu.setAttribute("role", "group");
});
