// What a citation quotes, beside the chip that the mouse or the cursor is on.
import type { Citation } from "../protocol";
import { nameOf } from "../citations";
import { make } from "./nodes";

const GAP = 6;
const LATER_MS = 250;
let shown: HTMLElement | undefined;
let waiting: number | undefined;

/** Let `chip` show it: at once for those who use the keyboard, soon for a mouse that rests. */
export function previewed(chip: HTMLElement, citation: Citation): void {
  chip.addEventListener("mouseenter", () => {
    waiting = window.setTimeout(() => show(chip, citation), LATER_MS);
  });
  chip.addEventListener("focus", () => {
    if (chip.matches(":focus-visible")) show(chip, citation);
  });
  for (const end of ["mouseleave", "blur", "click"]) chip.addEventListener(end, hide);
}

export function hide(): void {
  window.clearTimeout(waiting);
  shown?.remove();
  document.querySelector("[aria-describedby=preview]")?.removeAttribute("aria-describedby");
  shown = undefined;
}

function show(chip: HTMLElement, citation: Citation): void {
  hide();
  if (!chip.isConnected) return;
  shown = make(
    "div",
    { class: "preview", role: "tooltip", id: "preview" },
    make("div", { class: "preview-name" }, nameOf(citation)),
    make("pre", {}, make("code", {}, citation.quote)),
  );
  document.body.append(shown);
  chip.setAttribute("aria-describedby", "preview");
  place(shown, chip.getBoundingClientRect());
}

/** Below the chip, or above it where there is more room. */
function place(box: HTMLElement, chip: DOMRect): void {
  const below = window.innerHeight - chip.bottom - 2 * GAP;
  const above = chip.top - 2 * GAP;
  const isBelow = box.offsetHeight <= below || below >= above;
  box.style.maxHeight = `${Math.max(60, isBelow ? below : above)}px`;
  const left = Math.min(chip.left, window.innerWidth - box.offsetWidth - GAP);
  box.style.left = `${Math.max(GAP, left)}px`;
  box.style.top = isBelow ? `${chip.bottom + GAP}px` : `${chip.top - GAP - box.offsetHeight}px`;
}

document.addEventListener("scroll", hide, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !shown) return;
  hide();
  event.stopImmediatePropagation(); // a running answer is stopped by the next
}, true);
