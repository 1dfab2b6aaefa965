/*
 * What coreboot does last: it starts the payload of its image. QEMU hands this program over, by the Multiboot
 * Specification 0.6.96, when SeaBIOS has set up the machine, and the image of coreboot as its module.
 */

typedef unsigned char u8;
typedef unsigned int u32;

/* Where coreboot keeps its tables: the test lays them there. */
#define TABLES 0x50000000u
/* Where those look who know nothing of it. */
#define LOW 0x500u

/* The header, without a wish, and the entry; the address of what the boot loader says is in EBX. */
__asm__(".text\n"
	".long 0x1badb002, 0, -0x1badb002\n"
	".globl _start\n"
	"_start: movl $stack + 4096, %esp\n"
	"pushl %ebx\n"
	"call start\n");
u8 stack[4096];

static void put(u8 c)
{
	__asm__ volatile("outb %0, %1" : : "a"(c), "d"((unsigned short)0x3f8));
}

static void stop(const char *why)
{
	while (*why)
		put(*why++);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static u32 big(const u8 *at)
{
	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

static int is(const u8 *at, const char *text)
{
	while (*text)
		if (*at++ != *text++)
			return 0;
	return 1;
}

/* Segments, in coreboot's src/commonlib/bsd/include/commonlib/bsd/cbfs_serialized.h: what it is, how it is packed,
 * where its bytes are, where they belong (8 bytes), how many, and how many there are in memory. */
static void load(const u8 *payload)
{
	const u8 *segment;

	for (segment = payload;; segment += 28) {
		const u8 *from = payload + big(segment + 8);
		u8 *to = (u8 *)big(segment + 16);
		u32 length = big(segment + 20), size = big(segment + 24), i;

		if (is(segment, "ENTR"))
			((void (*)(void))to)();
		if (is(segment, "PARA"))
			continue;
		if (big(segment + 4))
			stop("stage: a segment is packed\n");
		for (i = 0; i < size; i++)
			to[i] = i < length ? from[i] : 0;
	}
}

/* LB_TAG_FORWARD in a table of its own, of src/commonlib/include/commonlib/coreboot_tables.h. */
static void lead_to_tables(void)
{
	static const u32 table[] = { 0x4f49424c, 24, 0, 16, 0, 1, 0x11, 16, TABLES, 0 };
	volatile u32 *low = (volatile u32 *)LOW;
	u32 i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		low[i] = table[i];
}

void start(const u32 *said)
{
	const u32 *module = (const u32 *)said[6];
	const u8 *file = (const u8 *)module[0], *end = (const u8 *)module[1];

	lead_to_tables();
	while (file < end) {
		u32 size = 64;

		if (is(file, "LARCHIVE")) {
			if (is(file + 24, "fallback/payload"))
				load(file + big(file + 20));
			size = (big(file + 20) + big(file + 8) + 63) & ~63u;
		}
		file += size;
	}
	stop("stage: there is no payload\n");
}
