"""What can go wrong between a session and its broker, classed by what the caller does next.

MqttError
+- Disconnected       nothing is known about the outcome: try again
|  +- NotSent         nothing has left: try again
|  +- TakenOver       another session has our name       (the session reconnects)
|  +- Closed          the broker ended it without a word (the session reconnects)
+- PublishRefused     this message, as it is, will not be taken
+- ConnectError       the broker refused the connection   (the session keeps trying)
|  +- WillRefused     it can't retain our will            (the session asks for one that isn't retained)
+- SubscribeError     the broker refused a subscription   (the session keeps trying)
+- StreamError        bytes that are no MQTT 5            (the session reconnects)
+- SilenceError       the broker answers no more          (the session reconnects)
"""

from city.errors import KoratError


class MqttError(KoratError):
    """Anything between a session and its broker."""


class Disconnected(MqttError):
    """There is no connection, or it ended before the broker had answered."""


class NotSent(Disconnected):
    """There was no connection, or none any more, so the message was not even sent."""


class TakenOver(Disconnected):
    """A second session of our name has pushed this one out."""


class Closed(Disconnected):
    """The broker ended the connection without a reason.

    Attributes:
        was_idle: we were accepted, and no publish of ours waited for its answer: mosquitto up to 2.0.11 does so, among
            others, to a session that another of its name pushes out.
    """

    was_idle = False


class PublishRefused(MqttError):
    """The broker refused a message, or would have.

    Attributes:
        reason: the reason code's name in lower case (`not_authorized`), or a short sentence where nothing was sent.
    """

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"publish to {topic!r} refused: {reason}")
        self.reason = reason


class ConnectError(MqttError):
    """The broker answered CONNECT with a refusal."""


class WillRefused(ConnectError):
    """The broker retains nothing, and our will is one to be retained."""


class SubscribeError(MqttError):
    """The broker refused at least one topic filter; the sentence names each."""


class StreamError(MqttError):
    """The broker sent bytes that MQTT 5 does not allow."""


class SilenceError(MqttError):
    """The broker left a question unanswered for too long."""
