// Nodes of the page, made by createElement alone: text is never markup.
type Attributes = Readonly<Record<string, string | boolean | undefined>>;
export type Child = Node | string | undefined;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (typeof value === "string") node.setAttribute(name, value);
  }
  for (const child of children) if (child !== undefined) node.append(child);
  return node;
}

/** One of the editor's icons; what it means is said beside it. */
export function icon(name: string): HTMLElement {
  return make("span", { class: `codicon codicon-${name}`, "aria-hidden": "true" });
}

/** A button with an icon alone, named for those who do not see it. */
export function iconButton(name: string, label: string, press: () => void, pressed?: boolean): HTMLButtonElement {
  const state = pressed === undefined ? undefined : String(pressed);
  const button = make("button", { type: "button", class: "icon-button", title: label, "aria-label": label, "aria-pressed": state }, icon(name));
  button.addEventListener("click", press);
  return button;
}

export function textButton(label: string, press: () => void, kind = "secondary"): HTMLButtonElement {
  const button = make("button", { type: "button", class: `text-button ${kind}` }, label);
  button.addEventListener("click", press);
  return button;
}

/** A button that reads as a link. */
export function linkButton(label: string, press: () => void, title?: string): HTMLButtonElement {
  const button = make("button", { type: "button", class: "link", title }, label);
  button.addEventListener("click", press);
  return button;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** An element that the page holds from the start. */
export function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}
