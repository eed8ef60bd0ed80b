"""OpenCV's shift-map in a process of its own: stdin holds picture and mask as two .npy, stdout the answer as one.

A script, so that it imports nothing but what it needs.
"""

import io
import sys

import cv2
import numpy as np

given = io.BytesIO(sys.stdin.buffer.read())
picture, known = (np.load(given, allow_pickle=False) for _ in range(2))
answer = np.zeros_like(picture)
cv2.setNumThreads(1)
cv2.xphoto.inpaint(picture, known, answer, cv2.xphoto.INPAINT_SHIFTMAP)
made = io.BytesIO()  # numpy saves to nothing that cannot be wound back, as a pipe
np.save(made, answer)
sys.stdout.buffer.write(made.getvalue())
