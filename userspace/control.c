// SPDX-License-Identifier: GPL-2.0
/*
 * control.c - the VM's end of the control socket.
 *
 * Runs in the event loop's thread, never blocks, needs no locks.  Requests
 * register themselves in a linker section; nothing here knows one.  A client
 * that sends nonsense, or does not read its replies, is dropped.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "say.h"

/* From the linker: the bounds of section ospite_requests. */
extern const struct control_request *const __start_ospite_requests[];
extern const struct control_request *const __stop_ospite_requests[];

/**
 * control_open() - open a VM's control socket
 * @c: filled in
 * @slot: the VM's place in the run directory
 *
 * Return: 0, or -1 after saying why.
 */
int control_open(struct control *c, const struct slot *slot)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i] = (struct control_client) { .fd = -1 };
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
			      SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return say_fail("no control socket: %s (does the kernel have CONFIG_UNIX?)",
				strerror(errno));
	/* The mode of a socket is that of its descriptor when it is bound. */
	if (fchmod(c->listen_fd, 0600) ||
	    bind(c->listen_fd, (const struct sockaddr *)&slot->socket,
		 sizeof(slot->socket)) ||
	    listen(c->listen_fd, CONTROL_CLIENTS)) {
		say("%s: no control socket: %s (is the file system full or read-only?)",
		    slot->socket.sun_path, strerror(errno));
		close(c->listen_fd);
		c->listen_fd = -1;
		return -1;
	}
	return 0;
}

static void drop_passed(struct control_client *client)
{
	while (client->nr_passed)
		close(client->passed[--client->nr_passed]);
}

static void drop_client(struct control_client *client)
{
	drop_passed(client);
	close(client->fd);
	client->fd = -1;
	client->len = 0;
}

/**
 * control_close() - close the socket and all connections
 * @c: from control_open()
 */
void control_close(struct control *c)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			drop_client(&c->clients[i]);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	c->listen_fd = -1;
}

static void send_line(struct control_client *client, struct json_object *obj)
{
	const char *text = json_object_to_json_string_ext(obj,
						JSON_C_TO_STRING_PLAIN);
	struct iovec iov[2] = {
		{ .iov_base = (void *)text, .iov_len = strlen(text) },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t len = iov[0].iov_len + 1;

	if (sendmsg(client->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		drop_client(client);
}

/**
 * control_broadcast() - tell every client something
 * @c: the socket
 * @event: what
 */
void control_broadcast(struct control *c, struct json_object *event)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			send_line(&c->clients[i], event);
}

static const struct control_request *find_request(const char *name)
{
	const struct control_request *const *r;

	for (r = __start_ospite_requests; name && r < __stop_ospite_requests;
	     r++)
		if (!strcmp((*r)->name, name))
			return *r;
	return NULL;
}

static const char *string_member(struct json_object *obj, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &value))
		return NULL;
	return json_object_get_string(value);
}

static void serve_line(struct control *c, struct control_client *client,
		       struct machine *m)
{
	struct json_object *request = json_tokener_parse(client->line);
	struct json_object *reply = json_object_new_object();
	const struct control_request *r;
	const char *error;

	r = find_request(string_member(request, "request"));
	c->serving = client;
	error = r ? r->handle(m, request, reply) :
		    "not a request that this VM knows (try: {\"request\":\"help\"})";
	json_object_object_add(reply, "ok", json_object_new_boolean(!error));
	if (error)
		json_object_object_add(reply, "error",
				       json_object_new_string(error));
	/* A machine that was forked off meanwhile has other clients. */
	if (client->fd >= 0)
		send_line(client, reply);
	drop_passed(client);
	json_object_put(reply);
	json_object_put(request);
}

/*
 * Descriptors come with a request's last byte or before it; of more than one set
 * the last counts.
 */
static void take_passed(struct control_client *client, struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		drop_passed(client);
		client->nr_passed = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(client->passed, CMSG_DATA(c),
		       client->nr_passed * sizeof(int));
	}
	if (client->nr_passed != CONTROL_PASSED)
		drop_passed(client);
}

static ssize_t receive(struct control_client *client)
{
	struct iovec iov = {
		.iov_base = client->line + client->len,
		.iov_len = CONTROL_LINE - client->len,
	};
	/* Room for no more than there may be: the kernel closes the rest. */
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(CONTROL_PASSED * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(client->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n > 0)
		take_passed(client, &msg);
	return n;
}

static void serve_client(struct control *c, struct control_client *client,
			 struct machine *m)
{
	char *eol;
	ssize_t n;

	n = receive(client);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop_client(client);
		return;
	}
	client->len += n;
	while (client->fd >= 0 &&
	       (eol = memchr(client->line, '\n', client->len))) {
		*eol = '\0';
		serve_line(c, client, m);
		if (client->fd < 0)
			return;
		client->len -= eol + 1 - client->line;
		memmove(client->line, eol + 1, client->len);
	}
	if (client->len == CONTROL_LINE)
		drop_client(client);
}

static void accept_client(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd < 0) {
			c->clients[i].fd = fd;
			c->clients[i].len = 0;
			return;
		}
	}
	close(fd);		/* too many at once: try again */
}

/**
 * control_poll() - what to wait for
 * @c: the socket
 * @fds: filled in
 */
void control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS])
{
	size_t i;

	fds[0] = (struct pollfd) { .fd = c->listen_fd, .events = POLLIN };
	for (i = 0; i < CONTROL_CLIENTS; i++)
		fds[1 + i] = (struct pollfd) { .fd = c->clients[i].fd,
					       .events = POLLIN };
}

/**
 * control_serve() - serve what came
 * @c: the socket
 * @fds: from control_poll(), after poll
 * @m: the machine, for requests
 */
void control_serve(struct control *c, const struct pollfd fds[CONTROL_FDS],
		   struct machine *m)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0 && fds[1 + i].revents)
			serve_client(c, &c->clients[i], m);
	if (fds[0].revents)
		accept_client(c);
}
