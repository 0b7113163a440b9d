# SPDX-License-Identifier: GPL-2.0-only
# Draw the pictures of docs/performance.md: gnuplot -e "data='DIR'; out='DIR'"
set terminal svg size 800,420 font 'sans-serif,12' background '#ffffff'
set grid ytics linecolor rgb '#cccccc'
set key outside right top
set datafile missing 'NaN'
colours = '#c0392b #999999 #7fb3d5 #2471a3 #b7950b #239b56 #8e44ad #d2b4de'
colour(i) = word(colours, i)

set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set yrange [0:*]
set xlabel 'bytes of a message'
set ylabel 'instructions per message'
do for [name in 'pair burst'] {
	set output sprintf('%s/%s.svg', out, name)
	plot for [i=2:9] sprintf('%s/%s.dat', data, name) \
		every ::0::4 using i:xticlabels(1) title columnheader(i) \
		linecolor rgb colour(i-1)
}
set output out.'/pingpong.svg'
plot for [i=2:8] data.'/pingpong.dat' every ::0::4 using i:xticlabels(1) \
	title columnheader(i) linecolor rgb colour(i > 2 ? i : 1)

set ylabel 'messages per second'
set xlabel 'writers and readers, bytes'
set xtics rotate by -20
set output out.'/parallel.svg'
plot for [i=2:7] data.'/parallel.dat' using i:xticlabels(1) \
	title columnheader(i) linecolor rgb colour(i > 2 ? i + 1 : 1)

set style data linespoints
set xtics norotate
set logscale x
set format x '10^{%L}'
set xlabel 'messages there'
set ylabel 'instructions per message'
set output out.'/depth.svg'
plot data.'/depth.dat' using 1:2 title 'mboxfs, pair' lw 2 \
	linecolor rgb colour(1), \
	'' using 1:3 title 'SysV, pair' lw 2 linecolor rgb colour(6), \
	data.'/delay.dat' using 1:2 title 'mboxfs, delayed send' lw 2 \
	linecolor rgb colour(5), \
	'' using 1:3 title 'varied delays' lw 2 linecolor rgb colour(7)

reset
set terminal svg size 640,400 font 'sans-serif,12' background '#ffffff'
set output out.'/heat.svg'
set xlabel 'bytes of a message'
set ylabel 'processes, half of them writers'
set cblabel 'messages per second'
set cbrange [0:*]
set palette defined (0 '#ffffff', 1 '#c0392b')
unset key
plot data.'/heat.dat' matrix rowheaders columnheaders using 1:2:3 with image, \
	'' matrix rowheaders columnheaders using 1:2:(sprintf('%d', $3)) \
	with labels
