// A model that says one sentence, so that the editor's chat is open; and an agent that calls the tools it finds.
const vscode = require("vscode");

const MODEL = { id: "writer", name: "Writer", family: "writer", version: "1", maxInputTokens: 8000, maxOutputTokens: 1000, isDefault: true, isUserSelectable: true, capabilities: { toolCalling: true } };

const CALLS = {
  whence_search: { query: "how are chunks spread over files", limit: 3 },
  whence_why: { path: "server/whence_server/feedback.py", startLine: 46 },
};

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.lm.registerLanguageModelChatProvider("writer", {
      provideLanguageModelChatInformation: async () => [MODEL],
      provideLanguageModelChatResponse: async (model, messages, options, progress) => progress.report(new vscode.LanguageModelTextPart("I am a fake.")),
      provideTokenCount: async (model, text) => String(text).length,
    }),
    vscode.commands.registerCommand("writer.callTools", callTools),
  );
  return vscode.lm.selectChatModels({ vendor: "writer" }); // a model is unavailable until somebody has asked for it
};

async function callTools() {
  const told = [];
  for (const [name, input] of Object.entries(CALLS)) {
    const known = vscode.lm.tools.some((tool) => tool.name === name);
    const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
    told.push(`# ${name} ${known ? "is known" : "is not known"}`, ...content.map((part) => part.value));
  }
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "markdown", content: told.join("\n\n") }));
}
