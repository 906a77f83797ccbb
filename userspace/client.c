// SPDX-License-Identifier: GPL-2.0
/*
 * client.c - the other end of the control socket: how a command asks a running
 * VM for something.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "say.h"
#include "vm.h"

#define REPLY_MAX	65536

/**
 * client_connect() - connect to a running VM
 * @slot: from slot_find() or slot_each()
 *
 * Return: a socket, or -1 with errno set.
 */
int client_connect(const struct slot *slot)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&slot->socket,
		    sizeof(slot->socket))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Is there something to read before @deadline? */
static bool wait_readable(int fd, u64 deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	u64 now;
	int ret;

	do {
		now = now_ns();
		if (now >= deadline) {
			errno = ETIMEDOUT;
			return false;
		}
		ret = poll(&p, 1, (deadline - now) / 1000000 + 1);
	} while (ret == 0 || (ret < 0 && errno == EINTR));
	return ret > 0;
}

/**
 * client_receive() - receive one object
 * @fd: from client_connect()
 * @timeout_ms: how long to wait
 *
 * Return: the object, which the caller puts; or NULL, with errno ETIMEDOUT if
 * nothing came in time, ECONNRESET if the VM has closed the socket.
 */
struct json_object *client_receive(int fd, int timeout_ms)
{
	u64 deadline = now_ns() + timeout_ms * 1000000ULL;
	struct json_object *obj;
	char line[REPLY_MAX];
	size_t len = 0;
	ssize_t n;

	/* Byte by byte: what follows the newline is the next call's. */
	while (len < sizeof(line) - 1 && wait_readable(fd, deadline)) {
		n = recv(fd, line + len, 1, 0);
		if (n <= 0) {
			errno = ECONNRESET;
			return NULL;
		}
		if (line[len] == '\n') {
			line[len] = '\0';
			obj = json_tokener_parse(line);
			errno = EPROTO;
			return obj;
		}
		len++;
	}
	return NULL;
}

/**
 * client_request() - ask, and wait for the reply
 * @fd: from client_connect()
 * @request: what to ask; put here
 * @timeout_ms: how long to wait
 *
 * Return: the reply, which the caller puts; or NULL as client_receive().
 */
struct json_object *client_request(int fd, struct json_object *request,
				   int timeout_ms)
{
	return client_request_passing(fd, request, NULL, timeout_ms);
}

static void add_descriptors(struct msghdr *msg, const int fds[CONTROL_PASSED])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(CONTROL_PASSED * sizeof(int));
	memcpy(CMSG_DATA(c), fds, CONTROL_PASSED * sizeof(int));
}

/**
 * client_request_passing() - ask, and hand descriptors over with the request
 * @fd: from client_connect()
 * @request: what to ask; put here
 * @fds: standard input, output and error for the VM to use, or NULL
 * @timeout_ms: how long to wait
 *
 * Return: the reply, which the caller puts; or NULL as client_receive().
 */
struct json_object *client_request_passing(int fd, struct json_object *request,
					   const int fds[CONTROL_PASSED],
					   int timeout_ms)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(CONTROL_PASSED * sizeof(int))];
	} control = { 0 };
	const char *text = json_object_to_json_string_ext(request,
						JSON_C_TO_STRING_PLAIN);
	struct iovec iov[2] = {
		{ .iov_base = (void *)text, .iov_len = strlen(text) },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t len = iov[0].iov_len + 1;
	bool sent;

	if (fds) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		add_descriptors(&msg, fds);
	}
	sent = sendmsg(fd, &msg, MSG_NOSIGNAL) == len;
	json_object_put(request);
	return sent ? client_receive(fd, timeout_ms) : NULL;
}
