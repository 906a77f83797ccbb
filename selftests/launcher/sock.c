// SPDX-License-Identifier: GPL-2.0
/*
 * sock.c - sends standard input to a Unix socket, prints what comes back.
 *
 *	sock PATH
 *
 * Ends when the other side closes, or a second after its last word.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static char buf[65536];
	ssize_t n;

	if (argc != 2 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 125;
	strcpy(addr.sun_path, argv[1]);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror(argv[1]);
		return 1;
	}
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (send(fd, buf, n, MSG_NOSIGNAL) != n)
			break;
	while (poll(&p, 1, 1000) > 0) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0) {
			puts("closed");
			break;
		}
		fwrite(buf, 1, n, stdout);
	}
	return 0;
}
