/**
 * Draws a mysfit: `draw(mysfit)` is an <svg> element, always the same for the same mysfit.
 *
 * A species is a list of parts, and a part draws itself in the colours that it is given. Which parts a species we never
 * heard of has, and the colours within a species, follow from the mysfit itself. Where it stands tells about its
 * character: the good live in daylight, the evil at night; over the lawful the stars stand in rows, over the chaotic anywhere.
 */

const SVG = "http://www.w3.org/2000/svg";

const COLOURS = {
  rose: { coat: "#f38fae", shade: "#d9648c", pale: "#ffe4ec", accent: "#7d52c7" },
  teal: { coat: "#52c0af", shade: "#2f9187", pale: "#dbf6f0", accent: "#f2a541" },
  violet: { coat: "#a184ec", shade: "#7353c6", pale: "#ece2ff", accent: "#f7c948" },
  amber: { coat: "#f5b455", shade: "#d3862c", pale: "#fff1d6", accent: "#c64a70" },
  sky: { coat: "#6fb6f2", shade: "#4287cc", pale: "#e2f2ff", accent: "#f28b6b" },
  moss: { coat: "#94c35f", shade: "#66923a", pale: "#eff8de", accent: "#e0704f" },
  ember: { coat: "#f07558", shade: "#c54a34", pale: "#ffe3d8", accent: "#f9cf55" },
  slate: { coat: "#949bc0", shade: "#666d97", pale: "#e8eaf6", accent: "#e88bd0" },
  cream: { coat: "#f7ead6", shade: "#d2bb9d", pale: "#fffbf4", accent: "#b58cf0" },
};

const SPECIES = [
  [/unicorn|alicorn|kirin|qilin/i, "flowingTail flowingMane horseEars unicornHorn muzzle", "cream rose violet"],
  [/pegasus|hippo/i, "flowingTail featherWings flowingMane horseEars muzzle", "sky cream slate"],
  [/dragon|wyvern|drake|wyrm|hydra/i, "arrowTail batWings crest devilHorns nostrils fangs bellyScales", "moss ember teal"],
  [/ph(o|oe)enix|firebird|thunderbird|roc\b/i, "flameTail featherWings plume beak", "ember amber sky"],
  [/gr(i|y)(f|ff|ph)(i|o)n/i, "lionTail featherWings catEars beak", "amber slate"],
  [/chimera|manticore/i, "snakeTail lionMane ramHorns catFace fangs", "amber ember"],
  [/sphinx|lion/i, "lionTail featherWings lionMane catFace whiskers", "amber violet"],
  [/kraken|octopus|leviathan|cthul/i, "tentacles spots smile", "violet teal rose"],
  [/mermaid|siren|selkie|kelpie|naiad|nix/i, "fishTail fins flowingMane smile", "teal sky"],
  [/yeti|sasquatch|bigfoot|wendigo/i, "shaggy ramHorns smile fangs", "sky slate cream"],
  [/troll|ogre|goblin|orc\b|gnome/i, "longEars tuft bigNose tusks", "moss teal"],
  [/cyclops/i, "oneEye devilHorns tuft smile tusks", "amber rose"],
  [/basilisk|serpent|snake|naga|quetzal|ouroboros/i, "coils crest nostrils forkedTongue", "moss violet teal"],
  [/jackalope|rabbit|hare|wolpertinger/i, "fluffTail hareEars antlers bunnyFace whiskers", "cream amber slate"],
  [/kitsune|fox/i, "manyTails catEars catFace whiskers", "ember amber"],
  [/cerberus|hound|wolf|dog|fenrir/i, "lionTail catEars muzzle fangs", "slate ember"],
  [/cat\b|cait/i, "lionTail catEars catFace whiskers stripes", "slate violet"],
  [/minotaur|bull|cow/i, "lionTail roundEars bullHorns muzzle tuft", "ember slate"],
  [/fairy|pixie|sprite|wisp|moth/i, "fairyWings antennae smile spots", "violet rose teal"],
  [/golem|stone|gargoyle/i, "batWings roundEars cracks smile tusks", "slate moss"],
  [/ghoul|zombie|vampire/i, "longEars cracks tuft fangs smile", "slate moss"],
  [/dryad|treant|ent\b|leshy/i, "leaves leafCrown antlers smile", "moss amber"],
  [/sylph|zephyr|cloud/i, "cloud fairyWings curls smile", "sky cream"],
  [/salamander|newt|axolotl/i, "flameTail gills spots nostrils", "ember rose"],
  [/bogle|boggart|bogey|shadow|hum\b/i, "shaggy antennae oneEye fangs smile", "slate violet"],
  [/ghost|banshee|spirit|wraith|phantom/i, "sheet flowingMane smile", "cream sky"],
  [/imp|demon|devil|vampire/i, "arrowTail batWings devilHorns fangs", "ember violet"],
  [/cockatrice|chicken|rooster|owl|bird/i, "flameTail featherWings plume beak", "amber teal"],
  [/turtle|tortoise|tarasque|kappa/i, "shell spots nostrils", "moss teal"],
  [/bear|owlbear|panda/i, "fluffTail roundEars muzzle spots", "amber slate"],
];

// For a species that is not listed: one of each.
const UNKNOWN = [
  ["arrowTail", "fluffTail", "lionTail", "flameTail"],
  ["batWings", "featherWings", "fairyWings", ""],
  ["catEars", "longEars", "roundEars", "hareEars"],
  ["devilHorns", "antlers", "ramHorns", "unicornHorn", "antennae", "tuft"],
  ["catFace", "beak", "muzzle", "smile", "bigNose"],
  ["spots", "stripes", "whiskers", ""],
];

const INK = "#33264d";

const ellipse = (cx, cy, rx, ry, fill, more = {}) => ["ellipse", { cx, cy, rx, ry, fill, ...more }];
const circle = (cx, cy, r, fill) => ["circle", { cx, cy, r, fill }];
const path = (d, fill, more = {}) => ["path", { d, fill, ...more }];
const line = (d, stroke, width) => [
  "path",
  { d, fill: "none", stroke, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" },
];
const turned = (angle, x, y) => ({ transform: `rotate(${angle} ${x} ${y})` });
/** Shapes, and their mirror images about the middle. */
const pair = (...shapes) => [["g", {}, shapes], ["g", { transform: "matrix(-1 0 0 1 240 0)" }, shapes]];

/** What each part draws, and where: behind the body, as the body, behind the head, or on the face. */
const PARTS = {
  behind: {
    arrowTail: (c) => [line("M150 190 C205 205 215 165 196 148", c.shade, 12), path("M196 128 L214 154 L180 158 Z", c.accent)],
    lionTail: (c) => [line("M152 192 C206 206 210 168 202 150", c.shade, 9), ellipse(202, 143, 12, 17, c.accent, turned(-12, 202, 143))],
    snakeTail: (c) => [
      line("M150 192 C214 206 176 158 208 140", c.shade, 12),
      ellipse(210, 134, 15, 12, c.accent),
      circle(214, 131, 2.6, INK),
      line("M223 136 L231 138", c.shade, 3),
    ],
    fluffTail: (c) => [circle(168, 188, 19, c.pale), circle(178, 178, 12, c.pale)],
    flowingTail: (c) => [
      path("M150 176 C196 150 226 178 206 214 C200 198 186 200 150 196 Z", c.accent),
      line("M158 184 C186 172 204 184 204 200", c.pale, 4),
    ],
    flameTail: (c) => [
      path("M146 190 C176 198 182 152 214 140 C206 160 226 164 218 182 C206 208 174 210 148 204 Z", c.accent),
      path("M150 194 C176 200 184 172 204 164 C200 184 186 202 150 202 Z", c.shade),
    ],
    manyTails: (c) => [-62, -34, 34, 62].flatMap((angle) => [
      ellipse(120, 128, 17, 52, c.coat, turned(angle, 120, 184)),
      ellipse(120, 88, 11, 17, c.pale, turned(angle, 120, 184)),
    ]),
    batWings: (c) => pair(
      path("M92 160 C70 120 40 108 18 112 C26 124 24 132 20 142 C32 140 38 146 40 158 C50 152 60 156 64 168 C74 164 84 168 92 178 Z", c.accent),
      line("M90 162 C70 138 50 128 24 116 M88 168 C70 156 56 152 42 154", c.shade, 3),
    ),
    featherWings: (c) => pair(
      path("M94 158 C76 112 44 96 14 100 C18 114 22 120 30 126 C24 128 22 130 20 134 C28 144 34 146 42 148 C38 152 36 154 36 158 C56 172 78 176 94 176 Z", c.pale),
      line("M84 154 C70 128 52 116 32 112 M84 162 C70 146 56 138 38 134 M84 168 C72 160 62 156 52 156", c.coat, 4),
    ),
    fairyWings: (c) => pair(
      ellipse(58, 132, 40, 24, c.pale, { opacity: 0.9, ...turned(28, 58, 132) }),
      ellipse(64, 178, 28, 17, c.accent, { opacity: 0.75, ...turned(-24, 64, 178) }),
      circle(44, 124, 6, c.accent),
    ),
    crest: (c) => [path("M120 40 L132 54 L146 50 L150 66 L164 68 L160 84 L174 94 L164 106 L120 100 Z", c.accent)],
    fins: (c) => pair(path("M70 108 C52 92 42 96 36 84 C34 104 38 124 66 128 Z", c.accent), line("M64 114 C54 108 48 104 43 98", c.shade, 3)),
    shell: (c) => [ellipse(120, 160, 70, 56, c.shade), ellipse(120, 156, 60, 46, c.accent), line("M76 140 L100 156 L94 188 M164 140 L140 156 L146 188 M100 156 L140 156", c.shade, 4)],
  },
  body: {
    tentacles: (c) => [
      ...[-1, 1].flatMap((side) => [
        line(`M${120 + 12 * side} 164 C${120 + 18 * side} 196 ${120 + 4 * side} 200 ${120 + 14 * side} 214`, c.shade, 15),
        line(`M${120 + 26 * side} 156 C${120 + 40 * side} 196 ${120 + 36 * side} 206 ${120 + 52 * side} 210`, c.coat, 15),
        line(`M${120 + 38 * side} 146 C${120 + 76 * side} 168 ${120 + 60 * side} 196 ${120 + 88 * side} 190`, c.shade, 14),
        circle(120 + 46 * side, 200, 3.4, c.pale),
        circle(120 + 36 * side, 184, 3.4, c.pale),
      ]),
    ],
    fishTail: (c) => [
      path("M84 150 C80 196 104 204 150 200 C172 198 178 190 182 182 L206 172 C208 186 204 194 198 200 C206 204 210 212 210 222 L180 212 C150 222 96 222 82 190 Z", c.accent),
      ellipse(118, 168, 42, 38, c.coat),
      ellipse(118, 176, 27, 24, c.pale),
      line("M104 204 q8 -8 16 0 q8 -8 16 0 q8 -8 16 0", c.shade, 3),
    ],
    coils: (c) => [
      ellipse(120, 200, 74, 22, c.shade),
      ellipse(116, 188, 62, 21, c.coat),
      ellipse(120, 174, 46, 20, c.shade),
      ellipse(120, 160, 34, 24, c.coat),
      line("M84 192 q10 8 20 0 q10 8 20 0 q10 8 20 0", c.pale, 4),
      path("M186 196 C206 196 216 190 222 176 C222 200 210 214 190 212 Z", c.shade),
    ],
    cloud: (c) => [[78, 190, 22], [104, 200, 26], [136, 200, 26], [162, 190, 22], [120, 176, 34]].map(([x, y, r]) => circle(x, y, r, c.pale)).concat([ellipse(120, 160, 38, 32, c.coat)]),
    sheet: (c) => [path("M70 120 L62 214 Q74 202 84 213 Q96 224 108 212 Q120 200 132 212 Q144 224 156 213 Q168 202 178 214 L170 120 Z", c.coat), ellipse(120, 176, 28, 20, c.pale)],
    standing: (c) => [
      ...pair(ellipse(78, 168, 14, 24, c.shade, turned(24, 78, 168)), ellipse(97, 207, 21, 12, c.shade)),
      ellipse(120, 168, 46, 44, c.coat),
      ellipse(120, 176, 29, 29, c.pale),
    ],
  },
  around: {
    lionMane: (c) => [...Array(14).keys()].map((i) => {
      const angle = (i * Math.PI) / 7;
      return circle(round(120 + 60 * Math.cos(angle)), round(104 + 54 * Math.sin(angle)), 19, i % 2 ? c.shade : c.accent);
    }),
    flowingMane: (c) => [
      path("M120 46 C70 40 48 80 56 132 C60 152 74 158 80 150 C70 120 82 90 120 78 C158 90 172 118 162 148 C170 158 182 150 184 132 C192 80 170 40 120 46 Z", c.accent),
      line("M76 74 C64 96 62 116 66 138 M164 74 C176 96 178 116 174 138", c.pale, 4),
    ],
    shaggy: (c) => [path("M58 110 L48 126 L60 130 L50 148 L64 148 L60 168 L74 162 L78 186 L92 172 L104 192 L120 176 L136 192 L148 172 L162 186 L166 162 L180 168 L176 148 L190 148 L180 130 L192 126 L182 110 Z", c.shade)],
    catEars: (c) => pair(path("M70 88 C62 58 64 46 70 36 C86 44 98 54 104 66 Z", c.coat), path("M76 76 C72 62 72 56 74 50 C82 54 88 60 92 66 Z", c.pale)),
    horseEars: (c) => pair(path("M82 70 C74 50 76 40 82 30 C96 42 100 54 98 66 Z", c.coat), path("M86 62 C82 52 83 46 85 42 C91 49 93 56 92 62 Z", c.pale)),
    leaves: (c) => pair(...[[66, 70, 40], [52, 98, 10], [56, 128, -24]].map(([x, y, angle]) => ellipse(x, y, 22, 11, c.shade, turned(angle, x, y)))),
    curls: (c) => [[70, 78], [82, 58], [104, 48], [128, 46], [150, 54], [166, 74], [58, 102], [182, 102]].map(([x, y]) => circle(x, y, 19, c.pale)),
    gills: (c) => pair(line("M68 88 C54 84 46 76 40 64 M64 104 C48 104 38 100 28 92 M66 120 C52 124 44 126 34 124", c.accent, 9), circle(40, 64, 7, c.accent), circle(28, 92, 7, c.accent), circle(34, 124, 7, c.accent)),
    roundEars: (c) => pair(circle(72, 66, 20, c.coat), circle(73, 68, 11, c.pale)),
    longEars: (c) => pair(path("M72 96 C48 92 26 82 14 66 C36 60 62 64 80 80 Z", c.coat), path("M66 90 C50 86 38 80 28 71 C44 70 58 74 70 82 Z", c.pale)),
    hareEars: (c) => pair(ellipse(90, 42, 14, 38, c.coat, turned(-12, 90, 42)), ellipse(90, 46, 7, 27, c.pale, turned(-12, 90, 46))),
    ramHorns: (c) => pair(line("M84 66 C56 44 34 66 44 88 C50 100 64 94 60 84", c.accent, 13), line("M62 58 L58 68 M46 70 L55 76", c.shade, 3)),
    devilHorns: (c) => pair(path("M78 74 C66 60 62 44 68 28 C78 40 92 48 100 60 Z", c.accent)),
    bullHorns: (c) => pair(path("M74 76 C46 76 34 56 42 34 C50 50 64 56 88 60 Z", c.pale), path("M40 46 C38 42 40 38 42 34 C44 40 47 44 51 47 Z", c.accent)),
    antlers: (c) => pair(line("M84 64 C76 46 74 36 62 22 M77 44 C66 44 60 42 54 36 M80 54 C72 58 62 58 56 56", c.accent, 7)),
    antennae: (c) => pair(line("M102 60 C98 38 88 28 74 26", c.shade, 5), circle(72, 26, 8, c.accent)),
  },
  face: {
    unicornHorn: (c) => [path("M106 62 L120 8 L134 62 Q120 70 106 62 Z", "#f9d668"), line("M111 50 L130 44 M114 36 L127 31 M117 23 L123 20", "#d99a2b", 3.5)],
    plume: (c) => [path("M120 62 C96 50 96 26 108 12 C112 26 118 24 120 8 C124 24 132 22 136 14 C144 30 142 52 120 62 Z", c.accent)],
    leafCrown: (c) => [path("M120 62 C104 52 98 38 102 22 C118 30 124 44 120 62 Z", c.accent), path("M120 62 C122 44 132 34 148 32 C148 48 138 58 120 62 Z", c.shade), line("M119 60 C116 48 110 36 105 28 M122 60 C128 50 136 42 143 37", c.pale, 2.5)],
    tuft: (c) => [path("M98 62 C96 46 104 42 104 32 C114 38 114 42 118 30 C128 36 126 42 134 36 C140 46 142 52 142 62 Q120 50 98 62 Z", c.accent)],
    muzzle: (c) => [ellipse(120, 130, 30, 21, c.pale), ...pair(ellipse(110, 126, 4, 5, c.shade)), line("M110 138 Q120 145 130 138", INK, 3.5)],
    beak: (c) => [path("M100 118 Q120 106 140 118 Q132 142 120 148 Q108 142 100 118 Z", "#f6b93b"), line("M103 124 Q120 132 137 124", "#c97f16", 3.5)],
    catFace: (c) => [ellipse(110, 130, 14, 11, c.pale), ellipse(130, 130, 14, 11, c.pale), path("M112 117 Q120 113 128 117 Q126 125 120 127 Q114 125 112 117 Z", c.accent), line("M120 127 V131 M120 131 Q112 140 106 133 M120 131 Q128 140 134 133", INK, 3)],
    bunnyFace: (c) => [ellipse(120, 128, 22, 15, c.pale), path("M113 119 Q120 115 127 119 Q125 126 120 127 Q115 126 113 119 Z", c.accent), path("M113 133 H127 V143 Q120 147 113 143 Z", "#fff", { stroke: INK, "stroke-width": 2 }), line("M120 133 V144", INK, 2)],
    nostrils: (c) => [ellipse(120, 128, 26, 15, c.shade, { opacity: 0.35 }), ...pair(circle(112, 122, 3.2, INK)), line("M104 133 Q120 144 136 133", INK, 3.5)],
    bigNose: (c) => [line("M100 137 Q120 150 140 137", INK, 3.5), ellipse(120, 122, 16, 13, c.shade), ellipse(115, 118, 4, 3, c.pale)],
    smile: () => [path("M106 126 Q120 133 134 126 Q131 143 120 143 Q109 143 106 126 Z", INK), ellipse(120, 138, 7, 4, "#ee7f92")],
    fangs: () => pair(path("M108 136 L111 146 L115 139 Z", "#fff")),
    tusks: () => pair(path("M101 141 Q98 130 104 126 Q109 132 109 142 Z", "#fff8e6")),
    forkedTongue: () => [line("M120 139 V152 M120 152 L114 159 M120 152 L126 159", "#e2506e", 4)],
    whiskers: () => pair(line("M88 126 L60 120 M88 132 L60 134", INK, 2)),
    spots: (c) => [circle(148, 70, 6, c.shade), circle(160, 82, 4, c.shade), circle(137, 63, 3.5, c.shade), circle(96, 158, 4, c.shade), circle(148, 178, 5, c.shade)],
    stripes: (c) => [line("M120 56 V70 M106 58 L109 70 M134 58 L131 70 M64 112 L76 114 M176 112 L164 114", c.shade, 5)],
    cracks: (c) => [line("M150 62 L142 74 L150 80 L144 90 M86 160 L96 166 L92 176 M154 168 L146 178 L152 186", c.shade, 3.5)],
    bellyScales: (c) => [line("M102 168 Q120 176 138 168 M100 180 Q120 189 140 180 M104 192 Q120 199 136 192", c.coat, 3.5)],
  },
};

/** The mysfit's portrait, as an element that a screen reader may skip: what it shows is told beside it. */
export function draw(mysfit) {
  const seed = hash(`${mysfit.species} ${mysfit.mysfitId}`);
  const { parts, colours } = anatomy(mysfit, seed);
  const c = COLOURS[colours[seed % colours.length]];
  const drawn = (layer) => parts.flatMap((part) => PARTS[layer][part]?.(c) ?? []);
  const body = drawn("body");
  const portrait = element("svg", { viewBox: "0 0 240 240", "aria-hidden": "true", focusable: "false" });
  const shapes = [
    ...scene(mysfit, seed),
    ...drawn("behind"),
    ...(body.length ? body : PARTS.body.standing(c)),
    ...drawn("around"),
    ellipse(120, 104, 56, 50, c.coat),
    ...eyes(parts.includes("oneEye"), c, seed),
    ...drawn("face"),
  ];
  portrait.append(...shapes.map(([tag, attributes, inner]) => element(tag, attributes, inner)));
  return portrait;
}

function anatomy(mysfit, seed) {
  const known = SPECIES.find(([name]) => name.test(mysfit.species ?? ""));
  if (known) return { parts: known[1].split(" "), colours: known[2].split(" ") };
  const shape = hash(String(mysfit.species)); // the same for all of a species
  return {
    parts: UNKNOWN.map((choices, index) => choices[(shape >>> (index * 3)) % choices.length]),
    colours: Object.keys(COLOURS),
  };
}

function scene(mysfit, seed) {
  const sky = { good: ["#ffe9c9", "#fff6e4", "#bfe3b4"], evil: ["#2c2350", "#3c3069", "#54407f"] };
  const [heart, manners] = [mysfit.goodevil, mysfit.lawchaos].map((word) => String(word).toLowerCase());
  const [air, glow, ground] = sky[heart] ?? ["#d9e4fb", "#ecf1fe", "#b5cfe0"];
  const spark = heart === "evil" ? "#f4e6a8" : "#fff";
  const random = (i) => hash(`${seed} ${i}`) % 1000 / 1000;
  const stars = [...Array(8).keys()].map((i) => {
    const ordered = manners === "lawful";
    const x = ordered ? 22 + i * 28 : 14 + random(i) * 212;
    const y = ordered ? 26 + (i % 2) * 14 : 14 + random(i + 50) * 92;
    const size = manners === "chaotic" ? 2 + random(i + 90) * 4 : 3;
    return path(star(x, y, size * 1.6), spark, { opacity: 0.9 });
  });
  return [
    // Wider and higher than the view box, for frames that are not square.
    ["rect", { x: -240, y: -240, width: 720, height: 720, fill: air }],
    circle(120, 116, 104, glow),
    ...stars,
    ellipse(120, 238, 220, 46, ground),
    ["rect", { x: -240, y: 238, width: 720, height: 240, fill: ground }],
    ellipse(120, 213, 60, 9, INK, { opacity: 0.16 }),
  ];
}

function eyes(single, c, seed) {
  const iris = [c.accent, "#3f7fd0", "#3d9a6b", "#8a5a2f"][seed % 4];
  const eye = (x, y, size) => [
    circle(x, y, 14 * size, "#fff"),
    circle(x, y + 1, 10.5 * size, iris),
    circle(x, y + 1, 7 * size, INK),
    circle(round(x + 3.5 * size), round(y - 3 * size), 3.2 * size, "#fff"),
    circle(round(x - 3 * size), round(y + 4 * size), 1.6 * size, "#fff"),
  ];
  const cheeks = pair(ellipse(80, 122, 9, 6, "#f0657f", { opacity: 0.35 }));
  if (single) return [...cheeks, ...eye(120, 96, 1.6)];
  return [...cheeks, ...eye(96, 102, 1), ...eye(144, 102, 1)];
}

function star(x, y, r) {
  const s = r * 0.28;
  const at = (dx, dy) => `${round(x + dx)} ${round(y + dy)}`;
  return `M${at(0, -r)} L${at(s, -s)} L${at(r, 0)} L${at(s, s)} L${at(0, r)} L${at(-s, s)} L${at(-r, 0)} L${at(-s, -s)} Z`;
}

function element(tag, attributes, inner = []) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inner.map(([tag, attributes, inner]) => element(tag, attributes, inner)));
  return made;
}

function round(number) {
  return Math.round(number * 10) / 10;
}

/** FNV-1a: small, and the same everywhere. */
function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  return (value ^ (value >>> 13)) >>> 0;
}
