"""Which verbs are for whom: each verb at each door, as sdk/docs/protocol.md says it."""
import unittest

from keys_lib import KeyHost
from penstock_host import Client

ANYBODY = {
    "HELLO": ({}, "WELCOME"), "PING": ({}, "PONG"), "SUBMIT": ({"pipeline": "echo"}, "ACCEPTED"),
    "ACK": ({"task_id": "x", "reply": True}, "INFO"), "CANCEL": ({"task_id": "x"}, "INFO"),
    "QUERY": ({"task_id": "x"}, "INFO"), "LIST": ({}, "INFO"), "PLUGINS": ({}, "INFO"), "STATS": ({}, "INFO"),
    "WATCH": ({}, "INFO"), "RESERVE": ({"count": 0}, "INFO"),
}
OPERATOR = {
    "DRAIN": ({}, "INFO"), "RESUME": ({}, "INFO"), "RELOAD": ({}, "INFO"), "WATCH": ({"all": True}, "INFO"),
}
# They would end the host, or need more to be answered.
ONLY_REFUSED = {"SHUTDOWN": {}, "SHUTDOWN now": {"now": True}, "RETRY": {"uid": "x"}, "PURGE": {"uid": "x"}, "PURGE all": {}}
# The host says these: nobody may say them to it.
NOBODY = ("WELCOME", "ACCEPTED", "REFUSED", "EVENT", "RESULT", "INFO", "PONG", "submit", "NOISE", "")


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = KeyHost(plugins=["echo"])
        cls.host.start()
        cls.open_host = KeyHost(plugins=["echo"])
        cls.open_host.start(extra=("--set", "host.allowed_keys="))

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()
        cls.open_host.stop()

    def doors(self):
        """Name, client, whether it is the operator's."""
        yield "tasks socket", self.host.client(), False
        yield "TCP with a key", self.host.as_client("alice"), False
        yield "TCP without keys", Client(self.open_host.tcp_socket()), False
        yield "control socket", self.host.client(control=True), True

    def ask(self, client, verb, header):
        answer = client.ask(verb, header)
        if answer[0] == "ACCEPTED":
            client.receive("RESULT")
        return answer[0], answer[1].get("code")

    def test_every_verb_at_every_door(self):
        for door, client, is_operator in self.doors():
            self.addCleanup(client.close)
            for verb, (header, answer) in ANYBODY.items():
                with self.subTest(door=door, verb=verb):
                    self.assertEqual(self.ask(client, verb, header), (answer, None))
            for verb, (header, answer) in OPERATOR.items():
                with self.subTest(door=door, verb=verb, header=header):
                    expected = (answer, None) if is_operator else ("REFUSED", "UNAUTHORIZED")
                    self.assertEqual(self.ask(client, verb, header), expected)
            for verb in NOBODY:
                with self.subTest(door=door, verb=verb):
                    self.assertEqual(self.ask(client, verb, {}), ("REFUSED", "MALFORMED"))
            for verb, header in ONLY_REFUSED.items():
                if not is_operator:
                    with self.subTest(door=door, verb=verb):
                        self.assertEqual(self.ask(client, verb.split()[0], header), ("REFUSED", "UNAUTHORIZED"))

    def test_nobody_but_the_operator_sees_all(self):
        owner = self.host.client()
        owner.run("echo", {}, task_id="private")
        operator = self.host.client(control=True)
        for door, client, is_operator in self.doors():
            with self.subTest(door=door):
                listed = [t["task_id"] for t in client.ask("LIST")[1]["tasks"]]
                self.assertEqual("private" in listed, is_operator)
                # Asking for more than is one's own changes nothing.
                listed = [t["task_id"] for t in client.ask("LIST", {"all": True, "owner": 1})[1]["tasks"]]
                self.assertEqual("private" in listed, is_operator)
                found = client.ask("CANCEL", {"task_id": "private"})[1]["tasks"][0]["found"]
                self.assertEqual(found, "finished" if is_operator else "unknown")
            client.close()
        operator.close()
        owner.close()


if __name__ == "__main__":
    unittest.main()
