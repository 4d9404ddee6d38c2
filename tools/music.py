#!/usr/bin/env python3
"""Makes crates/server/assets/music.wav: the music that who waits hears, unless an account has its own.

    tools/music.py crates/server/assets/music.wav

Sixteen seconds of slow broken chords in D major, played by a plucked string and a soft pad, 8 kHz, mono, 16 bits. Written
here, note by note, and synthesized here: nobody else's work is in it. It comes under the licence of the program.

The notes' ends sound on into the beginning, so that the end of the loop is its beginning; and it breathes there: the last
tenth of a second is nearly silent, as the resampling of a sound begins and ends in silence. Nothing lies above 3 kHz, where
G.711 hisses, and the loudest sample is 10 dB below full scale: as loud as a voice.
"""

import math
import struct
import sys
import wave

RATE = 8000
BEAT = 0.5
BARS = 8
LENGTH = int(RATE * BEAT * 4 * BARS)
PEAK = 10_400
BREATH = RATE // 10

# One bar each: the notes of a broken chord, as semitones above A at 220 Hz, and the pad below it.
D, BM, G, A = [5, 9, 12, 17], [2, 9, 14, 17], [-2, 5, 10, 14], [0, 7, 12, 16]
CHORDS = [D, BM, G, A, D, BM, G, A]
PADS = [-7, -10, -14, -12, -7, -10, -14, -12]
# Which note of the chord each eighth plays.
FIGURES = [[0, 2, 1, 3, 2, 1, 3, 2], [0, 1, 2, 3, 2, 3, 1, 2]]
# A tune above it: bar, beat, semitones, beats.
TUNE = [(0, 0, 22, 2), (0, 2, 24, 1), (0, 3, 26, 1), (1, 0, 29, 3), (2, 0, 27, 2), (2, 2, 24, 1), (2, 3, 22, 1),
        (3, 0, 24, 3), (4, 0, 29, 2), (4, 2, 26, 1), (4, 3, 24, 1), (5, 0, 26, 3), (6, 0, 22, 1), (6, 1, 24, 1),
        (6, 2, 26, 1), (6, 3, 22, 1), (7, 0, 21, 2)]


def hertz(semitones):
    return 220.0 * 2 ** (semitones / 12)


def add(sound, begin, hz, seconds, level, decay, harmonics):
    """A note: it swells for 15 ms, decays, and is over without a click."""
    count = int(seconds * RATE)
    for n in range(count):
        t = n / RATE
        shape = min(1.0, t / 0.015) * math.exp(-t / decay) * min(1.0, (count - n) / (0.1 * RATE))
        value = sum(part * math.sin(2 * math.pi * hz * k * t) * math.exp(-t * (k - 1) / decay)
                    for k, part in enumerate(harmonics, 1) if hz * k < 3000)
        sound[(begin + n) % LENGTH] += level * shape * value


def pad(sound, begin, hz, seconds, level):
    """A soft note that swells and fades slowly."""
    count = int(seconds * RATE)
    for n in range(count):
        t = n / RATE
        shape = math.sin(math.pi * n / count) ** 1.5
        value = math.sin(2 * math.pi * hz * t) + 0.5 * math.sin(2 * math.pi * 2 * hz * t + 0.3)
        sound[(begin + n) % LENGTH] += level * shape * value


def compose():
    sound = [0.0] * LENGTH
    for bar in range(BARS):
        at = bar * 4 * BEAT
        for eighth, note in enumerate(FIGURES[bar % 2]):
            # The last two eighths rest, so that the loop can breathe.
            if bar == BARS - 1 and eighth >= 6:
                continue
            seconds = 1.2 if bar < BARS - 1 or eighth < 3 else 0.8
            add(sound, int((at + eighth * BEAT / 2) * RATE), hertz(CHORDS[bar][note]), seconds, 0.5, 0.45,
                [1.0, 0.3, 0.1])
        pad(sound, int(at * RATE), hertz(PADS[bar] + 12), 4 * BEAT, 0.28)
        pad(sound, int(at * RATE), hertz(CHORDS[bar][1]), 4 * BEAT, 0.16)
    for bar, beat, semitones, beats in TUNE:
        add(sound, int((bar * 4 + beat) * BEAT * RATE), hertz(semitones - 5), beats * BEAT + 0.3, 0.42, 0.7,
            [1.0, 0.15])
    return sound


def breathe(sound):
    """Down to silence in the last tenth of a second, up again in the first hundredth."""
    for n in range(BREATH):
        sound[LENGTH - 1 - n] *= math.sin(math.pi / 2 * n / BREATH) ** 2
    for n in range(RATE // 100):
        sound[n] *= math.sin(math.pi / 2 * n / (RATE // 100)) ** 2
    return sound


def main():
    sound = breathe(compose())
    loudest = max(abs(value) for value in sound)
    samples = [round(PEAK * value / loudest) for value in sound]
    with wave.open(sys.argv[1], "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{LENGTH}h", *samples))


main()
