#!/usr/bin/env python3
"""SPDX-License-Identifier: CC0-1.0

Draws the demonstration picture: a moth on the sheet of a light trap, at night. Writes SVG on stdout.

    ./draw_moth.py > /tmp/moth.svg
    rsvg-convert /tmp/moth.svg -o /tmp/moth.png
    convert /tmp/moth.png -attenuate 0.12 +noise Gaussian -sampling-factor 4:2:0 -quality 82 -strip moth.jpg

(rsvg-convert: Debian's librsvg2-bin; convert: imagemagick.) The picture is the same each time but for the noise.
"""
import math
import random

WIDTH, HEIGHT = 1600, 1200
random.seed(7)


def path(points, close=True):
    """A smooth path through points (Catmull-Rom as Bezier)."""
    n = len(points)
    out = ["M%.1f %.1f" % points[0]]
    for i in range(n if close else n - 1):
        p0, p1 = points[(i - 1) % n], points[i]
        p2, p3 = points[(i + 1) % n], points[(i + 2) % n]
        if not close:
            p0 = points[max(i - 1, 0)]
            p3 = points[min(i + 2, n - 1)]
        c1 = (p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6)
        c2 = (p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6)
        out.append("C%.1f %.1f %.1f %.1f %.1f %.1f" % (c1 + c2 + p2))
    return " ".join(out) + (" Z" if close else "")


def sheet():
    """White cloth, lit from above, with folds and a weave."""
    out = ['<rect width="1600" height="1200" fill="url(#cloth)"/>',
           '<rect width="1600" height="1200" fill="url(#weave)" opacity="0.5"/>']
    for i in range(9):
        x = 60 + i * 190 + random.uniform(-50, 50)
        lean = random.uniform(-60, 60)
        points = [(x + lean * t + 14 * math.sin(3 * t + i), -30 + 1260 * t) for t in (0, .25, .5, .75, 1)]
        dark = random.uniform(0.05, 0.13)
        wide = random.uniform(18, 46)
        out.append('<path d="%s" fill="none" stroke="#5a4a2c" stroke-opacity="%.3f" stroke-width="%.1f" '
                   'filter="url(#soft)"/>' % (path(points, False), dark, wide))
        bright = [(px + wide * 0.8, py) for px, py in points]
        out.append('<path d="%s" fill="none" stroke="#fffbe8" stroke-opacity="%.3f" stroke-width="%.1f" '
                   'filter="url(#soft)"/>' % (path(bright, False), dark * 2.2, wide * 0.6))
    out.append('<rect width="1600" height="1200" fill="url(#lamp)"/>')
    return out


FORE = [(0, -60), (95, -178), (235, -262), (375, -302), (428, -280), (438, -225), (398, -120),
        (330, -28), (225, 18), (110, 22), (20, 6)]
HIND = [(12, 0), (110, 10), (225, 22), (300, 66), (318, 142), (272, 226), (190, 262), (105, 224),
        (52, 128), (20, 50)]


def scaled(points, factor, centre):
    cx, cy = centre
    return [(cx + (x - cx) * factor, cy + (y - cy) * factor) for x, y in points]


def eye_spot(x, y, r):
    return ['<circle cx="%d" cy="%d" r="%.1f" fill="#2a1d15"/>' % (x, y, r),
            '<circle cx="%d" cy="%d" r="%.1f" fill="#d9a441"/>' % (x, y, r * 0.82),
            '<circle cx="%d" cy="%d" r="%.1f" fill="#8c2f25"/>' % (x, y, r * 0.62),
            '<circle cx="%d" cy="%d" r="%.1f" fill="#15100d"/>' % (x, y, r * 0.47),
            '<path d="M%.1f %.1f a%.1f %.1f 0 0 1 %.1f %.1f" fill="none" stroke="#cfe0ef" stroke-width="%.1f" '
            'stroke-linecap="round"/>' % (x - r * .3, y - r * .05, r * .34, r * .34, r * .34, -r * .28, r * .09)]


def band(points, colour, width, wave, opacity=0.9):
    """A line across a wing, wavy as on real ones."""
    (x0, y0), (x1, y1) = points
    n = 26
    length = math.hypot(x1 - x0, y1 - y0)
    nx, ny = -(y1 - y0) / length, (x1 - x0) / length
    line = []
    for i in range(n + 1):
        t = i / n
        bow = math.sin(math.pi * t) * 26
        off = bow + wave * (1 if i % 2 else -1)
        line.append((x0 + (x1 - x0) * t + nx * off, y0 + (y1 - y0) * t + ny * off))
    return ('<path d="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-opacity="%.2f" '
            'stroke-linecap="round"/>' % (path(line, False), colour, width, opacity))


def scales(outline, count, colours):
    """Small strokes like a wing's scales, pointing away from the body; clipped to the wing by its group."""
    out = []
    xs = [p[0] for p in outline]
    ys = [p[1] for p in outline]
    for _ in range(count):
        x, y = random.uniform(min(xs), max(xs)), random.uniform(min(ys), max(ys))
        angle = math.atan2(y + 10, x + 30) + random.uniform(-.2, .2)
        size = random.uniform(4, 11)
        out.append('<path d="M%.0f %.0f l%.1f %.1f" stroke="%s" stroke-opacity="%.2f" stroke-width="1.6"/>'
                   % (x, y, size * math.cos(angle), size * math.sin(angle), random.choice(colours),
                      random.uniform(.15, .45)))
    return out


def veins(root, ends):
    return ['<path d="M%d %d Q%.0f %.0f %d %d" fill="none" stroke="#3c2a1e" stroke-opacity="0.4" stroke-width="2.2"/>'
            % (root[0], root[1], (root[0] + x) / 2, (root[1] + y) / 2 - 14, x, y) for x, y in ends]


def half():
    """The moth's right half, body along the y axis."""
    out = ['<g clip-path="url(#hindclip)">',
           '<path d="%s" fill="url(#hindfill)"/>' % path(HIND)]
    out += scales(HIND, 900, ["#5b3a22", "#f0c98a", "#c27a35"])
    out += veins((20, 10), [(300, 60), (318, 140), (262, 232), (180, 262), (96, 218)])
    out += [band(((40, 176), (318, 60)), "#4a2b1b", 12, 3),
            band(((62, 212), (330, 108)), "#f4dfb4", 7, 4, .8),
            '<path d="%s" fill="none" stroke="#4a3120" stroke-width="26" stroke-opacity="0.75"/>' % path(HIND)]
    out += eye_spot(190, 112, 42)
    out += ['</g>', '<g clip-path="url(#foreclip)">',
            '<path d="%s" fill="url(#forefill)"/>' % path(FORE)]
    out += scales(FORE, 1500, ["#3d2b20", "#e9dcc5", "#8a6a4d", "#fff6e0"])
    out += veins((10, -30), [(428, -280), (436, -228), (400, -125), (335, -35), (228, 14), (300, -280)])
    out += [band(((96, -186), (112, 26)), "#3f2a1d", 13, 4),
            band(((120, -200), (134, 26)), "#f3e6cb", 6, 4, .8),
            band(((318, -300), (252, 22)), "#43301f", 11, 8),
            band(((344, -306), (276, 20)), "#f6ead2", 8, 8, .85),
            band(((402, -306), (330, -18)), "#6d4b33", 20, 5, .8),
            '<path d="%s" fill="none" stroke="#d9c7a6" stroke-width="17" stroke-opacity="0.9"/>' % path(FORE),
            '<path d="M392 -298 Q438 -292 430 -240 Q412 -276 392 -298" fill="#a3423a" fill-opacity="0.75"/>']
    out += eye_spot(222, -136, 46)
    out += ['</g>']
    return out


def antenna():
    """Feathered, as a male's."""
    spine = [(10, -112), (40, -168), (84, -212), (136, -238)]
    out = ['<path d="%s" fill="none" stroke="#5a4028" stroke-width="6" stroke-linecap="round"/>' % path(spine, False)]
    for i in range(34):
        t = i / 33
        k = min(int(t * 3), 2)
        f = t * 3 - k
        x = spine[k][0] + (spine[k + 1][0] - spine[k][0]) * f
        y = spine[k][1] + (spine[k + 1][1] - spine[k][1]) * f
        size = 30 * math.sin(math.pi * (0.15 + 0.8 * t))
        for side in (-1, 1):
            angle = math.atan2(-1, 1.1) + side * 1.0
            out.append('<path d="M%.1f %.1f l%.1f %.1f" stroke="#7a5a37" stroke-width="2.4" stroke-linecap="round"/>'
                       % (x, y, size * math.cos(angle), size * math.sin(angle)))
    return out


def body():
    out = ['<ellipse cx="0" cy="62" rx="34" ry="128" fill="url(#belly)"/>']
    for i in range(8):
        y = -10 + i * 25
        half_width = 32 * math.sqrt(max(0.0, 1 - ((y - 62) / 128) ** 2))
        out.append('<path d="M%.1f %d Q0 %d %.1f %d" fill="none" stroke="#efdcb8" stroke-width="6" stroke-opacity="0.7"/>'
                   % (-half_width, y, y + 16, half_width, y))
    out.append('<ellipse cx="0" cy="-56" rx="50" ry="60" fill="url(#thorax)"/>')
    for _ in range(1100):
        angle, far = random.uniform(0, 2 * math.pi), math.sqrt(random.random())
        x, y = 50 * far * math.cos(angle), -56 + 60 * far * math.sin(angle)
        out.append('<path d="M%.1f %.1f l%.1f %.1f" stroke="%s" stroke-opacity="0.6" stroke-width="2"/>'
                   % (x, y, x * .16 + random.uniform(-3, 3), 9 + (y + 56) * .12,
                      random.choice(["#5c452f", "#a98a62", "#e8d5b0", "#7b5f41"])))
    out += ['<ellipse cx="0" cy="-112" rx="25" ry="20" fill="#6b4f35"/>',
            '<circle cx="-20" cy="-116" r="9" fill="#17110d"/>', '<circle cx="20" cy="-116" r="9" fill="#17110d"/>',
            '<circle cx="-22" cy="-119" r="2.6" fill="#fff"/>', '<circle cx="18" cy="-119" r="2.6" fill="#fff"/>']
    return out


def moth(x, y, scale, turn):
    shadow = ['<g transform="translate(%d %d) rotate(%d) scale(%.2f)" filter="url(#shade)" opacity="0.42">'
              % (x + 20, y + 34, turn, scale)]
    for flip in ("", ' transform="scale(-1 1)"'):
        shadow.append('<g%s><path d="%s"/><path d="%s"/></g>' % (flip, path(FORE), path(HIND)))
    shadow += ['<ellipse cx="0" cy="50" rx="36" ry="135"/>', '</g>']
    out = ['<g transform="translate(%d %d) rotate(%d) scale(%.2f)">' % (x, y, turn, scale)]
    for flip in ("", ' transform="scale(-1 1)"'):
        out += ['<g%s>' % flip] + half() + antenna() + ['</g>']
    return shadow + out + body() + ['</g>']


def small_insects():
    """Midges and a few small moths that came to the light too."""
    out = []
    for _ in range(70):
        x, y = random.uniform(20, 1580), random.uniform(20, 1180)
        if abs(x - 790) < 520 and abs(y - 600) < 380 or x > 1100 and y > 1030:
            continue
        if any(math.hypot(x - mx, y - my) < 120 for mx, my in ((150, 190), (1420, 850), (1420, 190), (226, 1010))):
            continue
        turn, size = random.uniform(0, 360), random.uniform(.5, 1.3)
        out.append('<g transform="translate(%.0f %.0f) rotate(%.0f) scale(%.2f)" stroke="#3b3128" stroke-width="1.3">'
                   '<ellipse cx="2" cy="4" rx="4" ry="11" fill="#000" opacity="0.18" stroke="none"/>'
                   '<ellipse rx="3" ry="9" fill="#4a3f33"/><ellipse cx="7" cy="5" rx="4" ry="11" fill="#8d8375" '
                   'fill-opacity="0.45" transform="rotate(-28)"/><ellipse cx="-7" cy="5" rx="4" ry="11" fill="#8d8375" '
                   'fill-opacity="0.45" transform="rotate(28)"/><path d="M0 -6 l-9 -7 M0 -6 l9 -7 M0 0 l-12 3 M0 0 l12 3" '
                   'fill="none"/></g>' % (x, y, turn, size))
    for x, y, turn, size, wing, dark in ((150, 190, 24, 1.15, "#cdbb98", "#7d6a4c"), (1420, 850, -38, 1.35, "#8d9078", "#53573f"),
                                   (1420, 190, 160, 1.0, "#b99a73", "#6a4d30"), (226, 1010, 110, 1.1, "#a8a39a", "#5d5850")):
        out.append('<g transform="translate(%d %d) rotate(%d) scale(%.2f)">'
                   '<path d="M6 -8 L58 66 Q30 84 0 70 Q-30 84 -58 66 L-6 -8 Z" transform="translate(9 13)" fill="#000" '
                   'opacity="0.25" filter="url(#soft2)"/>'
                   '<path d="M0 -18 Q30 8 58 66 Q30 84 0 70 Q-30 84 -58 66 Q-30 8 0 -18 Z" fill="%s"/>'
                   '<path d="M-36 22 Q0 40 36 22 M-50 50 Q0 66 50 50" fill="none" stroke="%s" stroke-width="5"/>'
                   '<path d="M0 -10 L0 70" stroke="%s" stroke-width="3"/>'
                   '<ellipse cx="0" cy="-14" rx="11" ry="15" fill="%s"/>'
                   '<path d="M-4 -26 Q-16 -46 -34 -50 M4 -26 Q16 -46 34 -50" fill="none" stroke="%s" stroke-width="2.2"/></g>'
                   % (x, y, turn, size, wing, dark, dark, dark, dark))
    return out


def scale_card():
    """The card that is pinned beside the catch, so that sizes can be read."""
    out = ['<g transform="translate(1130 1068) rotate(-2)">',
           '<rect x="5" y="8" width="400" height="92" rx="5" fill="#000" opacity="0.25" filter="url(#soft2)"/>',
           '<rect width="400" height="92" rx="5" fill="#fdfcf6"/>']
    for i in range(8):
        out.append('<rect x="%d" y="16" width="46" height="16" fill="%s"/>' % (16 + i * 46, "#1b1b1b" if i % 2 == 0 else "#f4f2ea"))
    out.append('<rect x="16" y="16" width="368" height="16" fill="none" stroke="#1b1b1b" stroke-width="2"/>')
    for i, colour in enumerate(("#c0392b", "#e0a030", "#3f8f4f", "#2f6fb0", "#555555", "#999999", "#dddddd")):
        out.append('<rect x="%d" y="46" width="40" height="30" fill="%s"/>' % (16 + i * 54, colour))
    out += ['<circle cx="392" cy="10" r="6" fill="#b8433a"/>', '</g>']
    return out


def defs():
    return ['<defs>',
            '<linearGradient id="cloth" x1="0" y1="0" x2="0.25" y2="1"><stop offset="0" stop-color="#fdf8e6"/>'
            '<stop offset="0.6" stop-color="#efe5cb"/><stop offset="1" stop-color="#cdbd98"/></linearGradient>',
            '<radialGradient id="lamp" cx="0.46" cy="0.2" r="0.95"><stop offset="0" stop-color="#fffdf0" stop-opacity="0.65"/>'
            '<stop offset="0.45" stop-color="#ffe9b0" stop-opacity="0.1"/><stop offset="0.75" stop-color="#38301f" '
            'stop-opacity="0.3"/><stop offset="1" stop-color="#120f10" stop-opacity="0.78"/></radialGradient>',
            '<pattern id="weave" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 0 H6 M0 3 H6" '
            'stroke="#b9a982" stroke-opacity="0.28" stroke-width="0.8"/><path d="M0 0 V6 M3 0 V6" stroke="#fffdf2" '
            'stroke-opacity="0.5" stroke-width="0.8"/></pattern>',
            '<linearGradient id="forefill" x1="0" y1="0.6" x2="1" y2="0"><stop offset="0" stop-color="#8e6b4c"/>'
            '<stop offset="0.35" stop-color="#c2a27b"/><stop offset="0.7" stop-color="#9a7757"/>'
            '<stop offset="1" stop-color="#d8c3a0"/></linearGradient>',
            '<linearGradient id="hindfill" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#b8793f"/>'
            '<stop offset="0.5" stop-color="#dd9f55"/><stop offset="1" stop-color="#b8713a"/></linearGradient>',
            '<radialGradient id="thorax"><stop offset="0" stop-color="#b99a70"/><stop offset="1" stop-color="#5d452f"/>'
            '</radialGradient>',
            '<linearGradient id="belly"><stop offset="0" stop-color="#5b402a"/><stop offset="0.5" stop-color="#b08c5e"/>'
            '<stop offset="1" stop-color="#54391f"/></linearGradient>',
            '<clipPath id="foreclip"><path d="%s"/></clipPath>' % path(FORE),
            '<clipPath id="hindclip"><path d="%s"/></clipPath>' % path(HIND),
            '<filter id="soft" x="-50%" width="200%"><feGaussianBlur stdDeviation="16"/></filter>',
            '<filter id="soft2"><feGaussianBlur stdDeviation="5"/></filter>',
            '<filter id="shade" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="17"/></filter>',
            '</defs>']


def main():
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d">' % (WIDTH, HEIGHT)]
    parts += defs() + sheet() + small_insects() + scale_card() + moth(785, 610, 1.18, -9) + ['</svg>']
    print("\n".join(parts))


if __name__ == "__main__":
    main()
