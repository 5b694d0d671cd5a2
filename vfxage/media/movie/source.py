"""Opens movie files for reading: only local movies within size limits, with readable errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vfxage.errors import ReadError
from vfxage.frames import no_file

MAX_SIDE = 32768
MAX_PIXELS = 1 << 27
"""Larger pictures (16384 x 8192 is 1.6 GB as float RGB) are refused before memory is allocated."""

_FORMATS = (
    "mov,mp4,matroska,webm,avi,mxf,mpegts,mpeg,mpegvideo,h264,hevc,av1,obu,ivf,m4v,flv,ogg,dv,asf,gxf,nut,yuv4mpegpipe,"
    "gif"
)
"""Demuxers that read one local file. Playlists, images and text are not movies, whatever their suffix is."""

FINGERPRINT = "com.vfxage.fingerprint"
"""Key of the header tag that a movie written by vfxage has."""

VERSION = "com.vfxage.version"
"""Key of the header tag with the version of vfxage that wrote a movie."""
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

_DAMAGED = "copy it again from its source"


@dataclass(slots=True)
class OpenMovie:
    """An open container with its picture stream."""

    path: str
    container: InputContainer
    stream: VideoStream
    decoder: VideoCodecContext
    """The stream's own, or the one that also decodes its alpha."""

    def seek(self, stamp: int) -> None:
        """Go to the key frame at or before a time stamp; raises av.error.FFmpegError."""
        self.container.seek(stamp, stream=self.stream)
        if self.decoder.is_open:
            self.decoder.flush_buffers()

    def close(self) -> None:
        """Release the file; may be called twice."""
        self.container.close()


def reason(error: Exception) -> str:
    """FFmpeg's reason for an error in a few words: the last line of its log if there is one."""
    log = getattr(error, "log", None)
    text = log[2].strip() if log else ""
    return text or getattr(error, "strerror", None) or str(error)


@contextmanager
def reading(path: str, frame: int | None = None) -> Iterator[None]:
    """Convert PyAV's exceptions to ReadError with the file, and the frame if given."""
    try:
        yield
    except (av.error.FFmpegError, ValueError, UnicodeError, OverflowError) as error:
        raise ReadError(f"cannot be read ({reason(error)})", path=path, frame=frame, fix=_DAMAGED) from error


def open_movie(path: str, *, threads: int = 0, strict: bool = True) -> OpenMovie:
    """Open a movie and choose its picture stream. Raises ReadError if that is not possible.

    ``threads`` is the number of decoder threads (0: FFmpeg chooses); the pictures do not depend on it. A ``strict``
    decoder raises an error at damage, and at a reference to a picture that it has not decoded.
    """
    container = open_container(path)
    try:
        stream = _picture_stream(container, path)
    except BaseException:
        container.close()
        raise
    context = _decoder(stream)
    context.options = {"max_pixels": str(MAX_PIXELS)} | ({"err_detect": "explode"} if strict else {})
    context.thread_count = threads
    context.thread_type = "AUTO" if threads != 1 else "NONE"
    return OpenMovie(path, container, stream, context)


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """The decoder of a stream. FFmpeg's own VP8 and VP9 decoders leave the alpha of WebM out; libvpx gives it."""
    own = stream.codec_context
    with_alpha = _ALPHA_DECODERS.get(own.name)
    if with_alpha is None or stream.metadata.get("alpha_mode") != "1":
        return own
    context = av.CodecContext.create(with_alpha, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = own.extradata
    return context


def open_container(path: str) -> InputContainer:
    """Open a movie without checking its streams. Raises ReadError if the file is not a movie."""
    _check_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise ReadError(f"cannot be read as a movie ({reason(error)})", path=path, fix=_DAMAGED) from error


def container_tags(container: InputContainer) -> dict[str, str]:
    """The tags in a movie's header, keys in lower case."""
    return {key.lower(): value for key, value in container.metadata.items()}


def _check_file(path: str) -> None:
    file = Path(path)
    if not file.is_file():
        raise ReadError(no_file(file), path=path, fix="name a movie, or a sequence as name.####.exr")
    try:
        with file.open("rb") as stream:
            if not stream.read(1):
                raise ReadError("is empty", path=path, fix=_DAMAGED)
    except OSError as error:
        raise ReadError(f"cannot be opened ({error.strerror})", path=path, fix="check its permissions") from error


def _picture_stream(container: InputContainer, path: str) -> VideoStream:
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        raise ReadError("has no video stream", path=path, fix="name a movie with pictures")
    stream = next((stream for stream in streams if stream.frames), streams[0])
    if stream.codec_context is None:
        raise ReadError("has a codec that cannot be decoded here", path=path, fix="convert it to ProRes or H.264")
    check_size(stream.codec_context.width, stream.codec_context.height, path)
    return stream


def check_size(width: int, height: int, path: str) -> None:
    """Raise ReadError if the size is zero, negative or larger than the limits."""
    if width <= 0 or height <= 0:
        raise ReadError("has pictures of size 0", path=path, fix=_DAMAGED)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ReadError(f"has pictures of {width}x{height}, larger than vfxage reads", path=path, fix=_DAMAGED)
