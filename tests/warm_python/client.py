"""Asks the server for a program, passes signals on to it, and ends as it ends."""

import array
import os
import signal
import socket
import struct
import sys

PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP")
NUMBER = struct.Struct("=q")


def receive(server: socket.socket) -> int:
    data = server.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(data) < NUMBER.size:
        sys.exit("the server of warm_python is gone")
    return NUMBER.unpack(data)[0]


def main() -> None:
    address, *arguments = sys.argv[1:]
    environment = [b"=".join(pair) for pair in os.environb.items()]
    words = [os.getcwdb(), *environment, b"", *map(os.fsencode, arguments)]
    request = b"\0".join(words)
    asked = []
    for name in PASSED_ON:  # what comes before the program is there reaches it a moment later
        number = getattr(signal, name)
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: asked.append(number))
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
        server.sendmsg([NUMBER.pack(len(request))], [rights])
        server.sendall(request)
        program = receive(server)
        for name in PASSED_ON:
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: os.kill(program, number))
        for number in asked:
            os.kill(program, number)
        status = receive(server)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
