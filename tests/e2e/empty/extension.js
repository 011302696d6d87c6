// The least that an extension with a view can be: what it takes is the editor's own.
const vscode = require("vscode");

exports.activate = ({ subscriptions }) => {
  const provider = { resolveWebviewView: ({ webview }) => (webview.html = "<!DOCTYPE html><p>Empty</p>") };
  subscriptions.push(vscode.window.registerWebviewViewProvider("empty.view", provider));
};
