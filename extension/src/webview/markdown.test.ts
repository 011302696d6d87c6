// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { render } from "./markdown";

const links: string[] = [];

function shown(text: string): HTMLElement {
  const box = document.createElement("div");
  const citation = (number: number): Node | undefined => (number <= 2 ? Object.assign(document.createElement("button"), { textContent: `source ${number}` }) : undefined);
  box.append(render(text, { citation, link: (address) => links.push(address) }));
  return box;
}

describe("an answer", () => {
  it("has its citations as buttons in the text, and leaves other brackets alone", () => {
    expect(shown("Once [1], `x[1]` and [7].").textContent).toBe("Once source 1, x[1] and [7].");
  });

  it("shows code, tables, lists and headings", () => {
    const box = shown("# A\n\n- one\n- two\n\n```py\nx < 1\n```\n\n| a | b |\n|---|---|\n| 1 [2] | **2** |\n");
    expect(box.querySelector("[role=heading]")?.textContent).toBe("A");
    expect(box.querySelectorAll("li")).toHaveLength(2);
    expect(box.querySelector("pre")?.textContent).toBe("x < 1");
    expect(box.querySelectorAll("tr")).toHaveLength(2);
    expect(box.querySelector("td button")?.textContent).toBe("source 2");
  });
});

describe("text that means harm", () => {
  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onmouseover=alert(1)>b</b>",
    "<iframe src='https://evil'></iframe>\n\n<style>*{}</style>",
  ])("is shown as text: %s", (text) => {
    const box = shown(text);
    expect(box.querySelector("script, img, iframe, style, b, [onerror], [onmouseover]")).toBeNull();
    expect(box.textContent).toContain("<");
  });

  it.each(["javascript:alert(1)", "command:workbench.action.terminal.new", "vscode://x/y", "file:///etc/passwd", "data:text/html,x", "//evil", "JaVaScRiPt:1"])("leads nowhere: %s", (address) => {
    const box = shown(`[press](${address}) <${address}>`);
    expect(box.querySelector("a, .link")).toBeNull();
    expect(box.textContent).toContain("press");
  });

  it("loads no image", () => {
    const box = shown("![a cat](https://evil/cat.png)");
    expect(box.querySelector("img")).toBeNull();
    expect(box.textContent).toBe("[image: a cat]");
  });

  it("cannot make a citation an address", () => {
    const box = shown("It is so [1].\n\n[1]: https://evil\n");
    expect(box.querySelector(".link")).toBeNull();
    expect(box.querySelector("button")?.textContent).toBe("source 1");
  });

  it("that is nested without end is cut, and quickly", () => {
    const begun = performance.now();
    expect(shown(`${"> ".repeat(3000)}deep`).querySelectorAll("blockquote").length).toBeLessThan(60);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

it("opens the web by the editor, never by the page", () => {
  const link = shown("[docs](https://example.org/a)").querySelector<HTMLElement>(".link");
  expect(link?.hasAttribute("href")).toBe(false);
  link?.click();
  expect(links).toEqual(["https://example.org/a"]);
});
