// SPDX-License-Identifier: GPL-2.0
/*
 * soak.c - 64 virtual machines at once, and nothing left of them.
 *
 * Each is a process of its own whose guest goes over its memory.  When all run,
 * every other one is killed; the others come to their end by themselves.
 * ABI_ROUNDS (1) says how often that is done before the memory is looked at.
 */
#include <pthread.h>

#include "lib/abi.h"
#include "lib/guest.h"
#include "lib/meminfo.h"

#define GPA	0x20000000ull
#define SIZE	0x100000ull
#define VMS	64

static volatile u64 stop, errors;

static void soak_guest(u64 id)
{
	volatile u64 *p = (u64 *)GPA;
	u64 i, round = 0;
	u32 r[4];

	sti();
	while (!stop) {
		/* Pages in another order each round, a word of each. */
		for (i = 0; i < SIZE / 4096; i++) {
			volatile u64 *word = p + (i * 37 % 256) * 512 + i;

			errors += *word != (round ? id + round : 0);
			*word = id + round + 1;
		}
		cpuid(0, 0, r);
		if (++round % 2 == 0 && round <= 4)
			guest_sync(0);
	}
}

/*
 * The processes tell that they run, and the ends of two pipes let them go on and have
 * them come to their end.  None runs while others are still being made, which would have
 * the less of the CPU the more there are.
 */
static int up[2], go[2], end[2];

static void *watch(void *arg)
{
	struct vm *vm = arg;
	char c;

	SAME(read(end[0], &c, 1), 0);
	*GVAR(vm, stop) = 1;
	return NULL;
}

/* The first time when the VM is complete, the second time with all the others. */
static void tell(void)
{
	char c;

	MUST(write(up[1], "x", 1));
	SAME(read(go[0], &c, 1), 0);
}

static int one_vm(int id)
{
	struct vm *vm = vm_new(VM_IRQCHIP);
	struct vcpu *v = vcpu_new(vm, 0);
	pthread_t t;
	u32 val;
	int e;

	close(go[1]);
	close(end[1]);
	vm_add_ram(vm, 1, GPA, SIZE);
	mode_long_arg(v, soak_guest, id * 1000);
	pthread_create(&t, NULL, watch, vm);
	for (;;) {
		e = vcpu_run(v);
		if (!e && is_sync(v, &val))
			tell();
		else if (e != EINTR && e != EAGAIN)
			break;
	}
	pthread_join(t, NULL);
	return e || !is_done(v) || *GVAR(vm, errors);
}

static void await_all(void)
{
	char c;
	int i;

	for (i = 0; i < VMS; i++)
		SAME(read(up[0], &c, 1), 1);
}

/* Returns how many ended as they should. */
static int soak(void)
{
	pid_t pids[VMS];
	int i, status, good = 0;

	MUST(pipe(up));
	MUST(pipe(go));
	MUST(pipe(end));
	fflush(stdout);
	for (i = 0; i < VMS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(one_vm(i));
	}
	await_all();
	close(go[1]);
	await_all();
	for (i = 0; i < VMS; i += 2)
		kill(pids[i], SIGKILL);
	close(end[1]);
	for (i = 0; i < VMS; i++) {
		MUST(waitpid(pids[i], &status, 0));
		if (i & 1)
			good += WIFEXITED(status) && !WEXITSTATUS(status);
		else
			good += WIFSIGNALED(status) &&
				WTERMSIG(status) == SIGKILL;
	}
	close(end[0]);
	close(go[0]);
	close(up[0]);
	close(up[1]);
	return good;
}

struct usage {
	long idle;
	long slab;
	long tables;
	long ept;
};

static struct usage look(void)
{
	struct usage u;

	shrink_slabs();
	u.idle = idle_memory();
	u.slab = meminfo("SUnreclaim");
	u.tables = meminfo("PageTables");
	u.ept = meminfo("SecPageTables");
	return u;
}

/* Most is freed by grace periods and workers: give them a while. */
static struct usage settle(const struct usage *was)
{
	struct usage u;
	int i;

	for (i = 0; i < 40; i++) {
		u = look();
		if (u.ept <= was->ept && u.tables <= was->tables + 32 &&
		    u.slab <= was->slab + 128 && u.idle >= was->idle - 256)
			break;
		usleep(50000);
	}
	return u;
}

CASE_T(sixty_four, 600)
{
	const char *env = getenv("ABI_ROUNDS");
	int i, n = env ? atoi(env) : 1;
	struct usage was, is;

	/* The first fill the caches of the kernel. */
	EQ("warm", soak(), VMS);
	usleep(200000);
	was = look();
	for (i = 0; i < n; i++)
		SAME(soak(), VMS);
	is = settle(&was);
	note("%d rounds: memory %+ld KiB, slab %+ld, page tables %+ld, EPT %+ld\n",
	     n, is.idle - was.idle, is.slab - was.slab,
	     is.tables - was.tables, is.ept - was.ept);
	EQ("vms-left", debugfs_vms(), 0);
	EQ("ept-tables-left", is.ept - was.ept, 0);
	CHECK(is.tables - was.tables < 64, "%ld KiB of page tables are lost\n",
	      is.tables - was.tables);
	CHECK(is.slab - was.slab < 1024, "%ld KiB of slab are lost\n",
	      is.slab - was.slab);
	CHECK(was.idle - is.idle < 2048, "%ld KiB of memory are lost\n",
	      was.idle - is.idle);
}
