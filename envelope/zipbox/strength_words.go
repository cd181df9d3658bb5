package zipbox

import "strings"

// contains reports whether word is one of a list.
func contains(list, word string) bool {
	return word != "" && strings.Contains(" "+list+" ", " "+word+" ")
}

// Months and what stands beside their figures, in the languages of the people
// who are sent such letters most.
const (
	months = "jan january januar janvier enero gennaio feb february februar février fév febrero febbraio mar march märz mars marzo apr april avril abril aprile " +
		"may mai mayo maggio jun june juni juin junio giugno jul july juli juillet julio luglio aug august août agosto " +
		"sep sept september septembre septiembre settembre oct okt october oktober octobre octubre ottobre " +
		"nov november novembre noviembre dec dez december dezember décembre déc diciembre dicembre"
	ordinals = "st nd rd th de di of"
)

// small are the words that every sentence has, in English, German and French.
const small = "a an the to be or not is are was and but of in on at by for with from that this it its he she we you they i me my our your his her their " +
	"all some more most than as if so no do does has have had will can may very over under there here who what when where " +
	"der die das den dem des ein eine einen einer und oder aber ist sind war im in am an auf mit von vom zu zum zur für nicht ich du er sie es wir ihr " +
	"mein meine dein deine sein seine unser unsere durch über unter als wie so sehr noch nur bei aus nach wird werde werden hat haben " +
	"le la les un une des du de et ou est sont dans sur avec pour pas je tu il elle nous vous ils mon ma mes ton ta son sa notre"

// inOrder are words of which each follows from the one before: numbers, days of
// the week, colours.
const inOrder = "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety hundred thousand " +
	"thirteen fourteen fifteen sixteen seventeen eighteen nineteen first second third fourth fifth " +
	"null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend " +
	"deux trois quatre cinq sept huit neuf dix onze douze vingt vingts trente quarante cinquante soixante cent cents mille " +
	"monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag " +
	"lundi mardi mercredi jeudi vendredi samedi dimanche " +
	"red green blue yellow black white orange purple pink brown grey rot grün blau gelb schwarz weiß lila braun grau rouge vert bleu jaune noir blanc"

// common are words that lists of stolen passwords begin with, and what people
// add to them.
const common = "password passwort pass pwd secret geheim love liebe hello hallo welcome willkommen admin master dragon monkey shadow " +
	"football fussball baseball soccer summer sommer winter spring herbst autumn sunshine princess prinzessin schatz letmein login access " +
	"superman batman michael thomas daniel andreas stefan peter maria anna berlin hamburg wien zürich london test user insurance versicherung " +
	"policy police kunde customer geburtstag birthday mama papa mein my the ist is und and ich iloveyou changeme default january januar"
