// SPDX-License-Identifier: GPL-2.0
/*
 * image.c - the files a guest is loaded from: opened once, read with bounds.
 *
 * Nothing is mapped: a file that shrinks while it is read gives a short read
 * and a sentence, not a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../say.h"
#include "boot.h"

/**
 * image_open() - open a file to load from
 * @image: filled in
 * @path: its name
 * @what: "kernel" or "initrd", for messages
 *
 * Return: 0, or -1 after saying why.
 */
int image_open(struct image *image, const char *path, const char *what)
{
	struct stat st;

	image->path = path;
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0)
		return say_fail("%s: %s (give --%s the name of a file that you may read)",
				path, strerror(errno), what);
	if (fstat(image->fd, &st) || !S_ISREG(st.st_mode)) {
		image_close(image);
		return say_fail("%s: not a regular file (give --%s the name of a file)",
				path, what);
	}
	image->size = st.st_size;
	if (!image->size) {
		image_close(image);
		return say_fail("%s: the file is empty (give --%s another)",
				path, what);
	}
	return 0;
}

/**
 * image_close() - close it
 * @image: from image_open(), or with fd -1
 */
void image_close(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}

/**
 * image_read() - read a piece
 * @image: the file
 * @offset: where the piece begins
 * @buf: where it goes
 * @len: its length
 *
 * Return: 0, or -1 if not all of it could be read; errno is 0 if the file
 * is too short.
 */
int image_read(const struct image *image, u64 offset, void *buf, u64 len)
{
	u64 done = 0;
	ssize_t n;

	errno = 0;
	if (offset > image->size || len > image->size - offset)
		return -1;
	while (done < len) {
		n = pread(image->fd, (u8 *)buf + done, len - done,
			  offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += n;
	}
	return 0;
}
