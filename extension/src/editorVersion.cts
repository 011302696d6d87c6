// In place of `semver` in the language client's bundle, which compares the editor's version with the one it needs:
// the manifest's `engines` has done so before anything is loaded, and the library is 20 kB.
export = (): boolean => true;
