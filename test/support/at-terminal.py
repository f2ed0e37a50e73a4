"""Runs a command at a terminal of its own and plays the person in front of it.

Arguments: a JSON list of steps, then the command. A step is ["see", text], which waits until the terminal has shown the
text, ["type", keys], ["stopped"], which waits until the command has been stopped, ["continue"], which is what `fg` does,
["signal", number], sent to the command's own process, or ["hang up"]. Prints JSON: what the terminal showed, and the code
that a shell would show for how the command ended.
"""

import json
import os
import pty
import select
import signal
import sys
import threading

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
# Nothing here waits for ever.
threading.Timer(45, lambda: os._exit(99)).start()


def be_shell():
    """Stands between terminal and command, as a shell does: it leads the session, the command has a group of its own."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    # Told of a hang-up, a shell tells its jobs.
    signal.signal(signal.SIGHUP, lambda *_: os.killpg(child, signal.SIGHUP))
    os.write(report, b"pid %d\n" % child)
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.write(report, b"stopped\n")
            continue
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        os.write(report, b"code %d\n" % code)
        os._exit(0)


reports, report = os.pipe()
shell, terminal = pty.fork()
if shell == 0:
    be_shell()
os.close(report)

shown, said = b"", b""


def hear():
    """Waits for something from either side; false when both are gone."""
    global shown, said, terminal
    ready = select.select([fd for fd in (terminal, reports) if fd is not None], [], [])[0]
    if terminal in ready:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            terminal = None
    if reports in ready:
        heard = os.read(reports, 65536)
        said += heard
        return heard != b""
    return True


def pid():
    return int(said.split()[1])


seen_at, stops = 0, 0
for what, *rest in steps:
    if what == "see":
        wanted = rest[0].encode()
        while wanted not in shown[seen_at:] and hear():
            pass
        seen_at = shown.find(wanted, seen_at) + len(wanted)
    elif what == "stopped":
        stops += 1
        while said.count(b"stopped") < stops and hear():
            pass
    elif what == "type":
        os.write(terminal, rest[0].encode())
    elif what == "continue":
        os.killpg(pid(), signal.SIGCONT)
    elif what == "signal":
        os.kill(pid(), rest[0])
    elif what == "hang up":
        os.close(terminal)
        terminal = None
while hear():
    pass
os.waitpid(shell, 0)
code = int(said.split()[-1])
json.dump({"shown": shown.decode("utf-8", "replace"), "code": code}, sys.stdout)
sys.stdout.flush()
os._exit(0)
