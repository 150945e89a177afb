import java.io.DataInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.roaringbitmap.longlong.LongIterator;
import org.roaringbitmap.longlong.Roaring64NavigableMap;

/**
 * An independent reader of `tieflow snapshot export --format roaring`.
 *
 * <p>java -cp RoaringBitmap.jar RoaringPeer.java DIR reads DIR/members.csv and
 * DIR/adjacency.roaring and prints one line per member, in file order: the member, a colon, its
 * neighbours in ascending unsigned order with blanks between. Fails where sets and index do not fit.
 */
public final class RoaringPeer {
    private RoaringPeer() {}

    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[0]);
        byte[] sets = Files.readAllBytes(folder.resolve("adjacency.roaring"));
        List<String> lines = Files.readAllLines(folder.resolve("members.csv"));
        require(lines.get(0).equals("member,degree,offset,bytes"), "header " + lines.get(0));
        StringBuilder out = new StringBuilder();
        int end = 0;
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split(",");
            int offset = Integer.parseInt(cells[2]);
            require(offset == end, "a gap before the set of " + cells[0]);
            end = offset + Integer.parseInt(cells[3]);
            Roaring64NavigableMap set = read(sets, offset, end);
            require(set.getLongCardinality() == Long.parseLong(cells[1]), "degree of " + cells[0]);
            out.append(cells[0]).append(':');
            for (LongIterator i = set.getLongIterator(); i.hasNext(); ) {
                out.append(' ').append(Long.toUnsignedString(i.next()));
            }
            out.append('\n');
        }
        require(end == sets.length, "bytes behind the last set");
        System.out.write(out.toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    private static Roaring64NavigableMap read(byte[] sets, int offset, int end) throws IOException {
        ByteArrayInputStream bytes = new ByteArrayInputStream(sets, offset, end - offset);
        Roaring64NavigableMap set = new Roaring64NavigableMap();
        set.deserializePortable(new DataInputStream(bytes));
        require(bytes.available() == 0, "bytes behind the set at " + offset);
        return set;
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }
}
