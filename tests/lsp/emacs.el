;; Emacs with eglot drives the server; what it saw goes to a file of JSON lines.  See test_editors.py.
(require 'json)
(setq eglot-sync-connect 60 eglot-autoshutdown nil create-lockfiles nil make-backup-files nil)
(defvar pieces nil)
(defvar messages nil)

(defun saw (name value)
  (let ((json-encoding-pretty-print nil))
    (write-region (concat (json-serialize (list :name name :value value) :null-object nil :false-object :json-false) "\n")
                  nil (getenv "WHENCE_OUT") t 'silent)))

(cl-defmethod eglot-handle-notification ((_server eglot-lsp-server) (_method (eql $/progress)) &key token value)
  (when (equal token "emacs") (push (plist-get value :text) pieces)))
(cl-defmethod eglot-handle-notification ((_server eglot-lsp-server) (_method (eql window/showMessage)) &key message &allow-other-keys)
  (push message messages))

(find-file (getenv "WHENCE_FILE"))
(python-mode)
(apply #'eglot (eglot--guess-contact)) ; as `M-x eglot' does

(defun ask (method params) (jsonrpc-request (eglot-current-server) method params :timeout 30))
(defun ask-until (method params good)
  (let ((deadline (+ (float-time) 60)) answer)
    (while (and (not (funcall good (setq answer (ask method (funcall params))))) (< (float-time) deadline))
      (accept-process-output nil 0.05))
    answer))

(ask-until :whence/status (lambda () (make-hash-table)) (lambda (told) (> (length (plist-get told :roots)) 0)))
(goto-char (point-min))
(forward-line 3)
(forward-char 6)
(saw "hover" (ask-until :textDocument/hover #'eglot--TextDocumentPositionParams #'identity))
(save-excursion (goto-char (point-min)) (insert "# 😋 typed above\n"))
(eglot--signal-textDocument/didChange)
(saw "hover below what was typed" (ask :textDocument/hover (eglot--TextDocumentPositionParams)))

(forward-line 1)
(let* ((actions (ask :textDocument/codeAction
                     (list :textDocument (eglot--TextDocumentIdentifier)
                           :range (list :start (eglot--pos-to-lsp-position (line-beginning-position))
                                        :end (eglot--pos-to-lsp-position (line-end-position)))
                           :context '(:diagnostics []))))
       (command (plist-get (aref actions 1) :command)))
  (saw "actions" actions)
  (saw "why" (ask :workspace/executeCommand
                  (list :command (plist-get command :command) :arguments (plist-get command :arguments)))))
(accept-process-output nil 1)
(saw "message" (car messages))

(saw "ask" (ask :whence/ask '(:question "How is a card charged?" :partialResultToken "emacs")))
(saw "pieces" (vconcat (reverse pieces)))
(dotimes (_ 8)
  (let ((sent (jsonrpc-async-request (eglot-current-server) :whence/ask '(:question "How is a card charged?")
                                     :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore)))
    (jsonrpc-notify (eglot-current-server) :$/cancelRequest (list :id (car sent)))))
(saw "after cancel" (ask :whence/models (make-hash-table)))
(let ((server (eglot-current-server)))
  (eglot-shutdown server nil 10)
  (saw "stopped" (if (jsonrpc-running-p server) :json-false t)))
