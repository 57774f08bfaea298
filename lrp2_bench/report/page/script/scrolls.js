// Tables wider than the screen say so: a shadow where there is more, and a line that says how to get there.

function watchScrolls() {
  for (const frame of document.querySelectorAll(".scroll")) {
    if (!frame.dataset.watched) {
      frame.dataset.watched = "yes";
      frame.addEventListener("scroll", () => showMore(frame), { passive: true });
      new ResizeObserver(() => showMore(frame)).observe(frame);
    }
    showMore(frame);
  }
}

function showMore(frame) {
  const hidden = frame.scrollWidth - frame.clientWidth;
  const holder = frame.parentElement;
  holder.classList.toggle("wider", hidden > 1);
  holder.classList.toggle("more-left", hidden > 1 && frame.scrollLeft > 1);
  holder.classList.toggle("more-right", hidden > 1 && frame.scrollLeft < hidden - 1);
}

// ``table`` in a frame that scrolls; ``name`` is for those who do not see it.
function scrolled(table, name) {
  const frame = make("div", "scroll", table);
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", name);
  return make("div", "scroll-frame", make("p", "scroll-hint", "More columns: scroll sideways →"), frame);
}
