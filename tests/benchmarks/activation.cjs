// `node activation.cjs extension.js`: milliseconds of processor time to load and activate it, where no editor and no other
// extension does anything meanwhile. Whatever it asks the editor for is there, and does nothing.
const Module = require("node:module");

const traps = { get: (_, name) => (name === Symbol.toPrimitive ? () => "" : name === "then" ? undefined : nothing()), set: () => true, apply: () => nothing(), construct: () => nothing() };
const nothing = () => new Proxy(function () {}, traps);
const load = Module._load;
Module._load = (name, ...others) => (name === "vscode" ? Object.create(nothing()) /* its names are looked up, not copied */ : load(name, ...others));
const begun = process.cpuUsage();
require(process.argv[2]).activate(nothing());
const { user, system } = process.cpuUsage(begun);
console.log((user + system) / 1000);
process.exit(); // what it does beside is not waited for
