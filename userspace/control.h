/* SPDX-License-Identifier: GPL-2.0 */
/*
 * control.h - the control protocol: how other commands talk to a running VM.
 *
 * A stream socket, one JSON object per line.  A request is
 * {"request": NAME, ...}; its reply is {"ok": true, ...}, or
 * {"ok": false, "error": SENTENCE}.  When the VM ends every client gets
 * {"event": "ended", "how": ..., "text": SENTENCE} before the socket closes.
 */
#ifndef OSPITE_CONTROL_H
#define OSPITE_CONTROL_H

#include <json-c/json.h>
#include <poll.h>

#include "rundir.h"
#include "types.h"

struct machine;

/**
 * struct control_request - a kind of request
 * @name: its name
 * @help: one line about it
 * @handle: serves it in the event loop's thread: reads @request, adds to
 *	@reply; returns NULL, or a sentence that says why it could not
 */
struct control_request {
	const char *name;
	const char *help;
	const char *(*handle)(struct machine *m, struct json_object *request,
			      struct json_object *reply);
};

/* Make a kind of request known. */
#define REGISTER_REQUEST(req)						\
	static const struct control_request *const registered_##req	\
	__attribute__((used, section("ospite_requests"))) = &(req)

#define CONTROL_CLIENTS	16
#define CONTROL_LINE	4096	/* longest request */
#define CONTROL_FDS	(CONTROL_CLIENTS + 1)
#define CONTROL_PASSED	3

/**
 * struct control_client - a connection
 * @fd: -1 if free
 * @passed: standard input, output and error that came with a request (SCM_RIGHTS)
 * @nr_passed: how many of them there are, 0 or 3
 * @line: what came of a request so far
 * @len: how much
 */
struct control_client {
	int fd;
	int passed[CONTROL_PASSED];
	unsigned int nr_passed;
	char line[CONTROL_LINE];
	size_t len;
};

/**
 * struct control - a VM's end of its control socket
 * @listen_fd: where clients connect
 * @clients: the connections
 * @serving: the one whose request is being served
 */
struct control {
	int listen_fd;
	struct control_client *serving;
	struct control_client clients[CONTROL_CLIENTS];
};

/* The VM's end: control.c */
int control_open(struct control *c, const struct slot *slot);
void control_close(struct control *c);
void control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS]);
void control_serve(struct control *c, const struct pollfd fds[CONTROL_FDS],
		   struct machine *m);
void control_broadcast(struct control *c, struct json_object *event);

/* The other end: client.c */
int client_connect(const struct slot *slot);
struct json_object *client_receive(int fd, int timeout_ms);
struct json_object *client_request(int fd, struct json_object *request,
				   int timeout_ms);
struct json_object *client_request_passing(int fd, struct json_object *request,
					   const int fds[CONTROL_PASSED],
					   int timeout_ms);

#endif /* OSPITE_CONTROL_H */
