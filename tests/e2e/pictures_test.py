"""Thumbnails of real photographs and of broken ones, through a real host. PENSTOCK_TEST_DATA names the folder of real inputs;
without it that part is skipped, unless PENSTOCK_TEST_DATA_REQUIRED is set."""
import glob
import os
import struct
import subprocess
import tempfile
import unittest

from penstock_host import Host

DATA = os.environ.get("PENSTOCK_TEST_DATA")
IS_REQUIRED = bool(os.environ.get("PENSTOCK_TEST_DATA_REQUIRED"))
MOTH = os.path.join(os.environ.get("PENSTOCK_SOURCE", "."), "plugins/thumbnail/testdata/moth.jpg")


def jpeg_size(data):
    """Width and height from the frame header of a whole JPEG."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", "not a whole JPEG"
    at = 2
    while True:
        marker, length = struct.unpack(">HH", data[at:at + 4])
        if 0xffc0 <= marker <= 0xffcf and marker not in (0xffc4, 0xffc8, 0xffcc):
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height
        at += 2 + length


def read(path):
    with open(path, "rb") as f:
        return f.read()


def convert(kind, *arguments):
    """The moth as ImageMagick writes it in another format."""
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["convert", MOTH, *arguments, f"{kind}:{f.name}"], check=True)
        return read(f.name)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host(plugins=["thumbnail"]).start()
        cls.client = cls.host.client()

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def thumbnail(self, picture, **params):
        header, body = self.client.run("thumbnail", params, {"image": picture})
        self.assertEqual(header.get("status"), "success", header)
        return header["data"], body[0]

    def refused(self, picture):
        header, _ = self.client.run("thumbnail", {"width": 320}, {"image": picture})
        self.assertEqual((header["status"], header["error"]["code"]), ("failure", "INVALID_INPUT"), header)
        self.assertGreater(len(header["error"]["message"]), 10)

    def test_our_own_picture(self):
        data, out = self.thumbnail(read(MOTH), width=320)
        self.assertEqual(jpeg_size(out), (320, 240))
        self.assertEqual((data["width"], data["height"], data["format"]), (320, 240, "jpeg"))

    def test_real_photographs(self):
        if not DATA:
            if IS_REQUIRED:
                self.fail("PENSTOCK_TEST_DATA is not set")
            self.skipTest("PENSTOCK_TEST_DATA is not set")
        files = sorted(glob.glob(f"{DATA}/moths/*.jpg") + glob.glob(f"{DATA}/omr/*"))
        self.assertGreaterEqual(len(files), 6)
        for path in files:
            with self.subTest(path=path):
                data, out = self.thumbnail(read(path), width=320, format="jpeg")
                self.assertEqual(jpeg_size(out)[0], 320)
                self.assertEqual(jpeg_size(out), (data["width"], data["height"]))
                source = data["source"]
                self.assertAlmostEqual(data["height"], 320 * source["height"] / source["width"], delta=1)

    def test_other_formats_and_orientation(self):
        for kind in ("png", "webp", "tiff"):
            with self.subTest(kind=kind):
                self.assertEqual(jpeg_size(self.thumbnail(convert(kind), width=320, format="jpeg")[1]), (320, 240))
        # An EXIF block with one entry, Orientation (0x0112) = 6: to be turned clockwise.
        exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
        moth = read(MOTH)
        turned = moth[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + moth[2:]
        self.assertEqual(jpeg_size(self.thumbnail(turned, width=240)[1]), (240, 320))

    def test_broken_and_hostile_ones(self):
        moth = read(MOTH)
        for name, picture in {"empty": b"", "text": b"hello, I am no picture" * 10, "truncated": moth[:len(moth) // 2],
                              "head only": moth[:600], "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                              "pdf": b"%PDF-1.4\n%%EOF", "noise": os.urandom(50000)}.items():
            with self.subTest(name=name):
                self.refused(picture)
        self.assertEqual(jpeg_size(self.thumbnail(moth, width=320)[1]), (320, 240))


if __name__ == "__main__":
    unittest.main()
