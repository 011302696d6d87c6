// Markdown of an answer -> nodes. Nothing in it can run, load or leave: HTML is shown as text, images by their
// description, and links lead to the web alone, through the editor, which asks first.
import type { Nodes, Parents, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import { make } from "./nodes";

export interface Hooks {
  /** What stands for `[n]`; undefined where the answer has no such citation. */
  readonly citation: (number: number) => Node | undefined;
  readonly link: (address: string) => void;
}

const REFERENCE = /\[(\d{1,3})\]/g;
const WEB = /^https?:\/\//i;
const DEEPEST = 40;

export function render(text: string, hooks: Hooks): DocumentFragment {
  const tree = fromMarkdown(text, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
  const fragment = document.createDocumentFragment();
  fragment.append(...children(tree, hooks, 0));
  return fragment;
}

function children(parent: Parents, hooks: Hooks, depth: number): Node[] {
  if (depth > DEEPEST) return [document.createTextNode(plain(parent))];
  return (parent.children as RootContent[]).flatMap((child) => one(child, hooks, depth + 1));
}

function one(node: RootContent, hooks: Hooks, depth: number): Node[] {
  const inner = (parent: Parents): Node[] => children(parent, hooks, depth);
  switch (node.type) {
    case "text":
      return references(node.value, hooks);
    case "paragraph":
      return [make("p", {}, ...inner(node))];
    case "heading":
      return [make("p", { class: "heading", role: "heading", "aria-level": String(Math.min(6, node.depth + 2)) }, ...inner(node))];
    case "strong":
      return [make("strong", {}, ...inner(node))];
    case "emphasis":
      return [make("em", {}, ...inner(node))];
    case "inlineCode":
      return [make("code", {}, node.value)];
    case "code":
      return [make("pre", { tabindex: "0" }, make("code", {}, node.value))];
    case "blockquote":
      return [make("blockquote", {}, ...inner(node))];
    case "list":
      return [make(node.ordered ? "ol" : "ul", node.ordered && node.start ? { start: String(node.start) } : {}, ...inner(node))];
    case "listItem":
      return [make("li", {}, ...inner(node))];
    case "break":
      return [make("br")];
    case "thematicBreak":
      return [make("hr")];
    case "table":
      return [make("div", { class: "table", tabindex: "0" }, make("table", {}, ...inner(node)))];
    case "tableRow":
      return [make("tr", {}, ...inner(node))];
    case "tableCell":
      return [make("td", {}, ...inner(node))];
    case "link":
      return [link(node.url, inner(node), hooks)];
    case "linkReference":
      return referred(node.label ?? "", inner(node), hooks);
    case "image":
    case "imageReference":
      return [make("em", {}, node.alt ? `[image: ${node.alt}]` : "[image]")];
    case "html":
      return [document.createTextNode(node.value)];
    case "definition":
    case "footnoteDefinition":
    case "footnoteReference":
    case "delete":
    case "yaml":
      return []; // the first is no text; the others are of syntaxes that are not read
  }
}

function link(address: string, inner: Node[], hooks: Hooks): Node {
  if (!WEB.test(address)) return make("span", {}, ...inner);
  const button = make("button", { type: "button", class: "link", role: "link", title: address }, ...inner);
  button.addEventListener("click", () => hooks.link(address));
  return button;
}

/** `[1]` is a citation even where the text tries to define it as an address. */
function referred(label: string, inner: Node[], hooks: Hooks): Node[] {
  const found = /^\d{1,3}$/.test(label) ? hooks.citation(Number(label)) : undefined;
  return found ? [found] : [document.createTextNode("["), ...inner, document.createTextNode("]")];
}

function references(text: string, hooks: Hooks): Node[] {
  const nodes: Node[] = [];
  let last = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const found = hooks.citation(Number(match[1]));
    if (!found) continue;
    nodes.push(...breakable(text.slice(last, match.index)), found);
    last = match.index + match[0].length;
  }
  return [...nodes, ...breakable(text.slice(last))];
}

/** A path goes on in the next line after a slash, not in the middle of a name. */
function breakable(text: string): Node[] {
  const parts = text.split(/(?<=\w\/)(?=\w)/).map((part) => document.createTextNode(part));
  return parts.flatMap((part, index) => (index ? [document.createElement("wbr"), part] : [part]));
}

function plain(node: Nodes): string {
  if ("value" in node) return node.value;
  return "children" in node ? "…" : "";
}
