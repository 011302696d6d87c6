-- Neovim drives the server; what it saw goes to a file of JSON lines. See test_editors.py.
local env = vim.fn.environ()
local out = assert(io.open(env.WHENCE_OUT, "w"))
local function saw(name, value)
  out:write(vim.fn.json_encode({ name = name, value = value == nil and vim.NIL or value }) .. "\n")
  out:flush()
end

local pieces, messages = {}, {}
-- The client was started by what the page told to write into init.lua; it takes these from all that there are.
vim.lsp.handlers["$/progress"] = function(_, result)
  if result.token == "neovim" then table.insert(pieces, result.value.text) end
end
vim.lsp.handlers["window/showMessage"] = function(_, result) table.insert(messages, result.message) end
vim.lsp.handlers["window/showDocument"] = function(_, result) -- which later ones than 0.7 can
  table.insert(messages, table.concat(vim.fn.readfile(vim.uri_to_fname(result.uri)), "\n"))
  return { success = true }
end
local clients = (vim.lsp.get_clients or vim.lsp.get_active_clients)
local attached = function() return vim.lsp.buf_get_clients and vim.lsp.buf_get_clients(0) or clients({ bufnr = 0 }) end
assert(vim.wait(60000, function() return next(attached()) ~= nil end), "no client is attached")
local client = attached()[next(attached())]
assert(vim.wait(60000, function() return client.initialized end), "not initialized")

local function ask(method, params)
  local answer = client.request_sync(method, params, 30000, 0)
  return answer and answer.result, answer and answer.err
end

local document = { uri = vim.uri_from_bufnr(0) }
local here = { line = 3, character = 6 }
local function ask_until(method, params, good)
  for _ = 1, 600 do
    local result = ask(method, params)
    if result ~= nil and result ~= vim.NIL and good(result) then return result end
    vim.wait(100)
  end
end

ask_until("whence/status", vim.empty_dict(), function(result) return #result.roots > 0 end)
saw("hover", ask_until("textDocument/hover", { textDocument = document, position = here }, function() return true end))

vim.api.nvim_buf_set_lines(0, 0, 0, false, { "# 😋 typed above" })
vim.wait(500)
local below = { textDocument = document, position = { line = 4, character = 6 } }
saw("hover below what was typed", ask_until("textDocument/hover", below, function() return true end))

local range = { start = { line = 4, character = 0 }, ["end"] = { line = 6, character = 0 } }
local selected = { textDocument = document, range = range, context = { diagnostics = {} } }
local actions = ask_until("textDocument/codeAction", selected, function(told) return #told > 0 end)
saw("actions", actions)
saw("why", ask("workspace/executeCommand", actions[2].command))
vim.wait(10000, function() return #messages > 0 end, 20)
saw("message", messages[#messages])

saw("ask", ask("whence/ask", { question = "How is a card charged?", partialResultToken = "neovim" }))
saw("pieces", pieces)

local numbers = {}
for _ = 1, 8 do
  local _, number = client.request("whence/ask", { question = "How is a card charged?" }, function() end, 0)
  table.insert(numbers, number)
end
for _, number in ipairs(numbers) do client.cancel_request(number) end
saw("after cancel", ask("whence/models", vim.empty_dict()))

client.stop()
vim.wait(10000, function() return client.is_stopped() end, 20)
saw("stopped", client.is_stopped())
vim.cmd("qall!")
