# What a boot loader takes for a Linux kernel: it prints `@@{COMMAND LINE|INITRD}@@` on the first serial port, with
# `~` for zero bytes, and resets the machine. The header is that of Documentation/arch/x86/boot.rst, protocol 2.12.
	.code16
	.org 0x1f1
	.byte 1				# setup_sects
	.word 0				# root_flags
	.long (end - start32) / 16	# syssize
	.word 0, 0, 0			# ram_size, vid_mode, root_dev
	.word 0xaa55			# boot_flag
	jmp start16
	.ascii "HdrS"
	.word 0x020c			# version
	.long 0				# realmode_swtch
	.word 0, 0			# start_sys_seg, kernel_version
	.byte 0, 1			# type_of_loader, loadflags: LOADED_HIGH
	.word 0				# setup_move_size
	.long 0x100000			# code32_start
	.long 0, 0, 0			# ramdisk_image, ramdisk_size, bootsect_kludge
	.word 0				# heap_end_ptr
	.byte 0, 0			# ext_loader_ver, ext_loader_type
	.long 0				# cmd_line_ptr
	.long 0x37ffffff		# initrd_addr_max
	.long 0x1000			# kernel_alignment
	.byte 0, 0			# relocatable_kernel, min_alignment
	.word 3				# xloadflags: KERNEL_64, CAN_BE_LOADED_ABOVE_4G
	.long 2047			# cmdline_size
	.long 0				# hardware_subarch
	.quad 0				# hardware_subarch_data
	.long 0, 0			# payload_offset, payload_length
	.quad 0				# setup_data
	.quad 0x100000			# pref_address
	.long 0x10000			# init_size

# The 16-bit protocol, of `linux16`: on to the 32-bit one, with the setup as boot parameters.
start16:
	cli
	xorl %esi, %esi
	movw %ds, %si
	shll $4, %esi
	leal gdt(%esi), %eax
	movl %eax, gdtr + 2
	lgdtl gdtr
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x10, $0x100000
gdtr:
	.word 31
	.long 0
	.balign 8
gdt:
	.quad 0, 0
	.quad 0x00cf9a000000ffff	# code
	.quad 0x00cf92000000ffff	# data
	.org 0x400

	.code32
start32:
	movw $0x18, %ax
	movw %ax, %ds
	movw %ax, %ss
	movl $0x100000 + end - start32, %esp
	movl %esi, %ebp
	call marker
	movb $'{', %al
	call put
	movl 0x228(%ebp), %esi
command_line:
	lodsb
	testb %al, %al
	jz initrd
	call put
	jmp command_line
initrd:
	movb $'|', %al
	call put
	movl 0x218(%ebp), %esi
	movl 0x21c(%ebp), %ecx
	jecxz reset
next:
	lodsb
	testb %al, %al
	jnz shown
	movb $'~', %al
shown:
	call put
	loop next
reset:
	movb $'}', %al
	call put
	call marker
	movb $6, %al
	movw $0xcf9, %dx
	outb %al, %dx
	movb $0xfe, %al
	outb %al, $0x64
stop:
	hlt
	jmp stop

marker:
	call at
at:
	movb $'@', %al
put:
	movb %al, %ah
	movw $0x3fd, %dx
busy:
	inb %dx, %al
	testb $0x20, %al
	jz busy
	movb %ah, %al
	movw $0x3f8, %dx
	outb %al, %dx
	ret
	.org 0xff0			# the stack grows down from the end
	.balign 4096
end:
