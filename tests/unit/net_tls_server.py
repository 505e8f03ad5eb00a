"""An HTTPS server with certificates of its own for the TLS test of the HTTP client.

usage: net_tls_server.py DIRECTORY    prints "PORT PORT_THAT_WANTS_A_CERTIFICATE" when ready; ends with stdin
"""
import http.server
import os
import ssl
import subprocess
import sys
import threading


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem")


def make_certificate(name, alternative):
    with open(name + ".ext", "w", encoding="ascii") as f:
        f.write("subjectAltName=" + alternative + "\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
            "-keyout", name + ".key", "-out", name + ".csr")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        subject = self.connection.getpeercert() or {}
        body = dict(x[0] for x in subject.get("subject", ())).get("commonName", "nobody").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass


def serve(wants_certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    context.load_verify_locations("ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED if wants_certificate else ssl.CERT_NONE
    # Otherwise a refused client certificate is told after the handshake only, as a broken connection.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    os.chdir(sys.argv[1])
    make_ca("ca")
    make_ca("stranger")
    make_certificate("server", "IP:127.0.0.1")
    make_certificate("worker-1", "DNS:worker-1")
    print(serve(False), serve(True), flush=True)
    sys.stdin.read()


main()
