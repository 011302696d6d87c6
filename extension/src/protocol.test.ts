// The shapes here are those that the server's own tests hold it to, and those that docs/protocol.md lists.
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { LINE_COMMANDS, METHODS, Piece, ServerSettings } from "./protocol";

type Shape = string | Shape[] | { [key: string]: Shape };
interface Schema {
  readonly type: string;
}

const repository = new URL("../../", import.meta.url);
const golden = JSON.parse(readFileSync(new URL("tests/contracts/protocol.json", repository), "utf8")) as Record<string, Shape>;
const page = readFileSync(new URL("docs/protocol.md", repository), "utf8");

const schemas: Record<string, Schema> = {
  ...Object.fromEntries(Object.entries(METHODS).map(([method, { result }]) => [method, result])),
  "whence/ask partial result": Piece,
};

/** What of the server's shape a schema would refuse, or does not know; by its place. */
function differences(schema: Schema, shape: Shape, at = ""): string[] {
  if (schema.type === "unknown") return [];
  if (schema.type === "nullable") {
    return shape === "null" ? [] : differences((schema as unknown as { wrapped: Schema }).wrapped, without(shape), at);
  }
  if (typeof shape === "string") {
    const wanted = schema.type === "number" ? ["integer", "number"] : [schema.type];
    return shape.split(" | ").every((each) => wanted.includes(each)) ? [] : [`${at} is ${shape}, not ${schema.type}`];
  }
  if (Array.isArray(shape)) {
    if (schema.type !== "array") return [`${at} is a list`];
    return shape.flatMap((each) => differences((schema as unknown as { item: Schema }).item, each, `${at}[]`));
  }
  if (schema.type === "record") return [];
  if (schema.type !== "object") return [`${at} is an object`];
  const entries = (schema as unknown as { entries: Record<string, Schema> }).entries;
  const keys = [...new Set([...Object.keys(entries), ...Object.keys(shape)])];
  return keys.flatMap((key) => {
    const [known, told] = [entries[key], shape[key]];
    if (known === undefined) return [`${at}.${key} is not known here`];
    return told === undefined ? [`${at}.${key} is not sent`] : differences(known, told, `${at}.${key}`);
  });
}

function without(shape: Shape): Shape {
  return typeof shape === "string" ? shape.replace("null | ", "").replace(" | null", "") : shape;
}

function section(title: string): string {
  return page.split(`${title}\n`)[1]?.split(/^##+ /m)[0] ?? "";
}

function parameters(method: string): string[] {
  return [...section(`### \`${method}\``).matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? "");
}

describe("the wire", () => {
  it("has the requests that the server answers", () => {
    expect(Object.keys(schemas).sort()).toEqual(Object.keys(golden).sort());
  });

  it.each(Object.keys(golden))("reads what %s gives", (method) => {
    expect(differences(schemas[method] as Schema, golden[method] as Shape)).toEqual([]);
  });

  it.each(Object.entries(METHODS))("sends the parameters that %s takes", (method, { params }) => {
    const known = Object.entries<Schema>(params.entries).map(([name, { type }]) => name + (type === "optional" ? "?" : ""));
    expect(known).toEqual(parameters(method));
  });

  it("knows the commands on lines", () => {
    for (const command of LINE_COMMANDS) expect(section("## Commands")).toContain(`| \`${command}\` | \`uri\`, \`range\` |`);
  });

  it("has the server's settings", () => {
    const listed = [...section("## Settings").matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(Object.keys(ServerSettings.entries)).toEqual(listed);
  });

  it("refuses what is no answer, and passes over what it does not know", () => {
    expect(v.is(METHODS["whence/feedback"].result, { id: 5 })).toBe(false);
    expect(v.parse(METHODS["whence/feedback"].result, { id: "a", more: 1 })).toEqual({ id: "a" });
  });
});
