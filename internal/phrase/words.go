package phrase

// words are 1,024 of the 2,048 English ones of BIP 39 (MIT licence): those of 4
// to 7 letters that differ from each other in the first four, in two places at
// least, and are neither spelt in two ways when heard nor about anything that
// should not stand in a letter of an insurance. None begins with another.
const words = `
ability about above absent absorb access account achieve acid acquire across actor actress actual
adapt address adjust admit adult advance advice aerobic affair afford again agent agree ahead
airport album alert almost alone alpha also alter always amateur amazing among amount amused analyst
anchor ancient angle animal annual another answer antenna antique apart apology appear apple approve
april arctic arena argue armed armor around arrange arrive artist artwork aspect asset assist assume
athlete attend attract auction audit august aunt author auto autumn average awake away awesome axis
baby bacon badge balance balcony ball bamboo banana banner barely bargain barrel basic basket beauty
because become before begin behave behind believe below belt bench benefit between beyond bicycle
bike biology bird blade blanket bless blossom blouse blur boat body boil bonus book boost border
boring borrow boss bottom bounce bracket brain brand brass brave breeze brick bridge brief bright
broom brother brown brush bubble budget buffalo bulb bundle busy butter buyer buzz cabbage cabin
cable cactus cage calm camera camp canal candy canoe canvas canyon capable capital captain carbon
cargo carpet carry cart cash castle casual catalog catch caught caution ceiling celery cement census
century certain chair chalk change chapter chase chat cheap check cheese cherry chief child choose
chuckle chunk churn circle citizen city civil claim clap clarify clean clerk clever client cliff
climb clinic clog cloth cloud clown club clump cluster clutch coach coconut code coffee collect
color column combine comfort comic common company concert conduct confirm connect control copper
copy correct cost cotton country couple cover craft cram crane crater crawl credit creek cricket
crisp critic crop crowd crucial cruise crystal culture curious current curve cushion custom cycle
daring dawn deal decade define defy degree delay deliver demand demise dentist depend deposit depth
deputy derive design desk detail detect develop device devote diagram diamond dice diesel diet
digital dignity direct display divert divide dolphin domain donate donkey double dove dragon drama
draw dress drift drill drink drip drum duck duty dynamic eager eagle early earth easily east echo
ecology economy edge edit educate effort elbow elder elegant element elite else embark embody
embrace emerge employ empower enable enact endless endorse energy engage engine enhance enjoy enough
enrich enroll ensure enter entire entry episode equal equip erosion erupt essay essence estate
ethics evoke example excess excite excuse execute exhibit exist exotic expand explain express extend
eyebrow fabric face faculty faith family famous fancy fantasy farm fashion feature federal fence
fiber field figure film filter final fine finger finish first fiscal fitness flag flame flash flavor
flip flock fluid foam focus fold follow foot forest forget fortune forum forward foster found fresh
friend fringe frog front fruit funny furnace future gadget galaxy gallery garage garden garment
general genius gentle genuine gift giggle giraffe give glad glance glare glass glimpse globe glory
glow glue good goose gospel gossip govern gown grace grant gravity grid grocery group guitar habit
half hamster happy harbor harvest have hawk height hello helmet help hill hint hire history hobby
holiday hope horse hotel huge human humor hundred hurry hybrid icon image imitate immense impact
improve impulse inch include income index inform inhale initial inject inner input inquiry inside
inspire install intact into invite involve island isolate issue ivory jacket jaguar jazz jelly join
journey juice jump jungle junior just keen ketchup kind kingdom kitchen kite kitten kiwi label
ladder lake laptop large latin laugh laundry layer leader learn lecture left legal legend leisure
lemon lend length leopard level library life limit link lion little lobster local logic long loop
lounge luggage lumber luxury lyrics magic magnet maid major mammal manage mango mansion manual maple
marble march margin marine market mask math matrix matter meadow measure medal media melody member
memory merit merry mesh method middle milk million mimic minimum miracle miss mixed mixture mobile
modify moment monitor month more motion motor mouse movie much muffin muscle museum music myself
mystery name napkin narrow nation nature neck neither network news next noble nominee noodle normal
notable nothing notice novel nurse object oblige observe obtain obvious occur october offer office
often okay olive olympic once onion online open opera opinion option orbit orchard ostrich outdoor
outer output outside oval owner oyster ozone paddle panda panther parade park parrot party pass
patrol pattern pause peanut pelican pencil perfect permit phrase piano picnic picture pigeon pilot
pioneer pipe planet plastic pledge pluck plunge popular portion potato power praise predict prefer
prepare present pretty primary print process program project promote prosper proud provide public
pudding pulse pumpkin pupil purity purpose pyramid quality quantum quick quiz raccoon rack radio
ranch random raven reason recall receive recipe recycle reduce reflect reform region regular relax
release relief rely remain remind remove render renew reopen repair repeat replace report rescue
resist result retire retreat return reunion reveal review reward ribbon rich ride rigid ripple river
roast robot robust rocket romance rookie rotate rubber rule runway safe salad salmon salute sample
satisfy scale scheme science screen script scrub search second section segment select seminar
service session settle setup shadow shallow share shield shift shop shove shuffle silent silver
similar since siren sister situate skate sketch skill skirt slab slender slide slight slogan slot
slush small smart smile smooth snack snap snow sock soda soft solve someone space spatial spawn
speak speed sphere spike spirit sponsor spoon sport spring square stadium staff stairs stamp stay
step stereo stick stool strong student subject subway success suggest summer super supply supreme
surface survey sustain swarm swim switch system talent talk tape target taste taxi teach tell tennis
theme theory thing thought thrive throw ticket tiger tilt timber tiny toddler token tomato tonight
topic topple torch total tourist toward traffic travel tray treat trend trophy truly trumpet tumble
tuna turn twelve twenty twice twist typical unaware uncover under undo unfold uniform unique unit
unknown until unusual unveil update upgrade uphold upon upper urban usage used useful usual utility
vacant valid valley valve vapor various vault velvet vendor venture venue verify version vessel
viable vibrant victory vintage virtual visual vivid volcano wagon walnut water wealth wear wedding
welcome whale where whisper wild wisdom worth wrestle zebra
`
