"""The warm process of a node that trains: started once, and again where it dies."""

import logging
import multiprocessing
import signal
from multiprocessing.connection import Connection, wait
from pathlib import Path

from flwr.app import Error, Message
from flwr.common.constant import ErrorCode

from fedsky.machine import imports

LOG = logging.getLogger("fedsky")


def work(connection: Connection, path: Path) -> None:
    """Answers messages until nobody sends any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    with imports.to_stay():
        from fedsky.node.answering import Answering
        from fedsky.node.log import speak
        from fedsky.node.owner import read

    owner = read(path)
    speak(owner.home)
    answering = Answering(owner)
    connection.send(None)  # ready
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        connection.send(answering.answer(message))


class Worker:
    """The process that answers messages, and the end of the pipe to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, self.path), daemon=True)
        self.process.start()
        other.close()
        self.is_ready = False

    def answer(self, message: Message) -> Message:
        """The worker's reply, or, where it dies over the message, Flower's error of an app that crashed."""
        try:
            if not self.is_ready:
                self._received()
                self.is_ready = True
            self.connection.send(message)
            reply: Message = self._received()
            return reply
        except (EOFError, OSError):
            self.process.join()
            how = f"its worker ended with {self.process.exitcode} over a message"
            LOG.error("%s: another one starts", how)
            self.connection.close()
            self._start()
            return Message(Error(ErrorCode.CLIENT_APP_CRASHED, how), reply_to=message)

    def _received(self) -> Message:
        if self.connection not in wait([self.connection, self.process.sentinel]):
            raise EOFError
        received: Message = self.connection.recv()
        return received

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.join()
