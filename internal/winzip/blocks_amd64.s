//go:build !purego

#include "textflag.h"

// func subWord(x uint32) uint32
TEXT ·subWord(SB), NOSPLIT, $0-12
	MOVL   x+0(FP), AX
	MOVQ   AX, X0
	PSHUFD $0, X0, X0
	AESKEYGENASSIST $0, X0, X0
	MOVQ   X0, AX
	MOVL   AX, ret+8(FP)
	RET

#define ROUND(off) \
	MOVOU  off(AX), X8; \
	AESENC X8, X0; \
	AESENC X8, X1; \
	AESENC X8, X2; \
	AESENC X8, X3; \
	AESENC X8, X4; \
	AESENC X8, X5; \
	AESENC X8, X6; \
	AESENC X8, X7

#define NUMBER(x) \
	MOVQ CX, x; \
	INCQ CX; \
	PXOR X8, x

#define ADD(off, x) \
	MOVOU off(DI), X8; \
	PXOR  X8, x; \
	MOVOU x, off(DI)

// func xorEights(w *[60]uint32, p *byte, eights int, number uint64)
TEXT ·xorEights(SB), NOSPLIT, $0-32
	MOVQ w+0(FP), AX
	MOVQ p+8(FP), DI
	MOVQ eights+16(FP), BX
	MOVQ number+24(FP), CX
	TESTQ BX, BX
	JZ   done

next:
	// The number is little-endian, and its upper half zero.
	MOVOU (AX), X8
	NUMBER(X0)
	NUMBER(X1)
	NUMBER(X2)
	NUMBER(X3)
	NUMBER(X4)
	NUMBER(X5)
	NUMBER(X6)
	NUMBER(X7)
	ROUND(16)
	ROUND(32)
	ROUND(48)
	ROUND(64)
	ROUND(80)
	ROUND(96)
	ROUND(112)
	ROUND(128)
	ROUND(144)
	ROUND(160)
	ROUND(176)
	ROUND(192)
	ROUND(208)
	MOVOU 224(AX), X8
	AESENCLAST X8, X0
	AESENCLAST X8, X1
	AESENCLAST X8, X2
	AESENCLAST X8, X3
	AESENCLAST X8, X4
	AESENCLAST X8, X5
	AESENCLAST X8, X6
	AESENCLAST X8, X7
	ADD(0, X0)
	ADD(16, X1)
	ADD(32, X2)
	ADD(48, X3)
	ADD(64, X4)
	ADD(80, X5)
	ADD(96, X6)
	ADD(112, X7)
	ADDQ $128, DI
	DECQ BX
	JNZ  next

done:
	RET
