;; The two loops of the udp data path that JavaScript does slowly: the ones' complement sum of RFC 1071, alone and together with a copy.
;; The sum is taken of little-endian 16-bit words, as memory has them: RFC 1071 (2.B) shows that the byte order of the result follows.
;; Assembled by packaging/wat.mjs; ones-sum.ts loads it, and has the same two functions in plain JavaScript for where it can't run.
(module
  (import "env" "memory" (memory 1))

  ;; Folds four 32-bit lanes and a 32-bit number into 16 bits.
  (func $fold (param $lanes v128) (param $sum i32) (result i32)
    (local $wide i64)
    (local.set $wide
      (i64.add
        (i64.add
          (i64.add
            (i64.extend_i32_u (i32x4.extract_lane 0 (local.get $lanes)))
            (i64.extend_i32_u (i32x4.extract_lane 1 (local.get $lanes))))
          (i64.add
            (i64.extend_i32_u (i32x4.extract_lane 2 (local.get $lanes)))
            (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $lanes)))))
        (i64.extend_i32_u (local.get $sum))))
    ;; At most 2^34: three folds leave 16 bits.
    (local.set $wide (i64.add (i64.and (local.get $wide) (i64.const 0xffff)) (i64.shr_u (local.get $wide) (i64.const 16))))
    (local.set $wide (i64.add (i64.and (local.get $wide) (i64.const 0xffff)) (i64.shr_u (local.get $wide) (i64.const 16))))
    (i32.wrap_i64
      (i64.add (i64.and (local.get $wide) (i64.const 0xffff)) (i64.shr_u (local.get $wide) (i64.const 16)))))

  ;; sum(at, length, initial): the folded sum of `length` bytes at `at`, added to `initial` (below 2^31).
  (func (export "sum") (param $at i32) (param $length i32) (param $sum i32) (result i32)
    (local $lanes v128)
    (block $blocksDone
      (loop $blocks
        (br_if $blocksDone (i32.lt_u (local.get $length) (i32.const 16)))
        (local.set $lanes
          (i32x4.add (local.get $lanes) (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $length (i32.sub (local.get $length) (i32.const 16)))
        (br $blocks)))
    (block $wordsDone
      (loop $words
        (br_if $wordsDone (i32.lt_u (local.get $length) (i32.const 2)))
        (local.set $sum (i32.add (local.get $sum) (i32.load16_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (local.set $length (i32.sub (local.get $length) (i32.const 2)))
        (br $words)))
    (if (local.get $length)
      (then (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))))
    (call $fold (local.get $lanes) (local.get $sum)))

  ;; copySum(to, from, length, initial): copies, and returns the sum of what was copied. The ranges must not overlap.
  (func (export "copySum") (param $to i32) (param $at i32) (param $length i32) (param $sum i32) (result i32)
    (local $lanes v128)
    (local $block v128)
    (block $blocksDone
      (loop $blocks
        (br_if $blocksDone (i32.lt_u (local.get $length) (i32.const 16)))
        (local.set $block (v128.load align=1 (local.get $at)))
        (v128.store align=1 (local.get $to) (local.get $block))
        (local.set $lanes (i32x4.add (local.get $lanes) (i32x4.extadd_pairwise_i16x8_u (local.get $block))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $length (i32.sub (local.get $length) (i32.const 16)))
        (br $blocks)))
    (block $wordsDone
      (loop $words
        (br_if $wordsDone (i32.lt_u (local.get $length) (i32.const 2)))
        (i32.store16 align=1 (local.get $to) (i32.load16_u align=1 (local.get $at)))
        (local.set $sum (i32.add (local.get $sum) (i32.load16_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (local.set $to (i32.add (local.get $to) (i32.const 2)))
        (local.set $length (i32.sub (local.get $length) (i32.const 2)))
        (br $words)))
    (if (local.get $length)
      (then
        (i32.store8 (local.get $to) (i32.load8_u (local.get $at)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))))
    (call $fold (local.get $lanes) (local.get $sum))))
