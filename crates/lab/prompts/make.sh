#!/bin/sh
# Speaks prompts.txt into WAV files beside it. Needs espeak-ng and sox; run it after a change of the table and commit
# what it made. The same versions of both programs make the same bytes.
set -eu
cd "$(dirname "$0")"

grep -v -e '^#' -e '^$' prompts.txt | while IFS='|' read -r name voice pitch speed said reading; do
    name=$(echo $name) voice=$(echo $voice) pitch=$(echo $pitch) speed=$(echo $speed)
    # Silence at both ends goes, the level is -6 dB at its peak, and nothing random is added.
    espeak-ng -v "$voice" -p "$pitch" -s "$speed" --stdout "${reading# }" |
        sox -D -R -t wav - -b 16 -c 1 -r 8000 "$name.wav" silence 1 0.02 0.5% reverse silence 1 0.02 0.5% reverse norm -6
done
sox -D -R -n -b 16 -c 1 -r 8000 beep.wav synth 0.5 sine 1000 gain -10
